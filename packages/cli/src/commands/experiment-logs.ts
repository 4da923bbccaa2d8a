import type { Client } from '@nabla/api/client'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import type { NodePrinter } from '../experiment/node-printer.ts'
import { arg, flag } from '../flags.ts'
import { limits } from '../limits.ts'

export const logs = defineCommand({
  name: 'logs',
  about: 'Show the logs of all nodes of an experiment, each line with its node',
  args: { experiment: arg.required('name or id of the experiment') },
  flags: {
    follow: flag.on('go on until it has ended', { short: 'f' }),
    node: flag.text('node', 'only this one: `worker-0`, or name or id of a job'),
    tail: flag.whole('lines', 'only the last lines', { short: 'n' }),
    source: flag.oneOf(['stdout', 'stderr', 'system'], 'only what came from there'),
    timestamps: flag.on('put the time before each line', { short: 't' }),
  },
  examples: [
    { line: 'experiment logs mnist', about: 'what there is, in the order of time' },
    { line: 'experiment logs --follow --node worker-1 mnist', about: 'one node, until the end' },
    { line: 'experiment logs --tail 50 --source stderr mnist', about: 'the last errors' },
  ],
  async run(context, args, flags) {
    const [{ printLogs }, { NodePrinter }] = await Promise.all([
      import('../experiment/follow.ts'),
      import('../experiment/node-printer.ts'),
    ])
    const client = await context.client()
    const { id, kind } = await client.experiment.show({ experiment: args.experiment })
    const window: Window = {
      experiment: id,
      ...(flags.node !== undefined && { job: flags.node }),
      ...(flags.source !== undefined && { source: flags.source }),
    }
    const look = { hosts: kind === 'multi-node', timestamps: flags.timestamps, wrap: false }
    const printer = new NodePrinter(context.out, look)
    if (flags.tail !== undefined) await printTail(client, window, flags.tail, printer)
    else if (!flags.follow) await printPresent(client, window, printer)
    if (flags.follow) await follow(context, (signal) => printLogs(context, client, window, printer, signal))
  },
})

interface Window {
  experiment: string
  job?: string
  source?: 'stdout' | 'stderr' | 'system'
}

async function printPresent(client: Client, window: Window, printer: NodePrinter): Promise<void> {
  for (;;) {
    const after = printer.place === undefined ? {} : { after: printer.place }
    const page = await client.experiment.logs({ ...window, ...after, limit: limits.logPageLines })
    for (const line of page.items) await printer.print({ ...line, lines: 1 })
    if (page.items.length === 0) return
    printer.place = page.next
  }
}

async function printTail(client: Client, window: Window, tail: number, printer: NodePrinter): Promise<void> {
  const page = await client.experiment.logs({ ...window, tail })
  for (const line of page.items) await printer.print({ ...line, lines: 1 })
  printer.place = page.next
}

/** Ctrl-C only stops watching. */
async function follow({ io }: Context, print: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const watching = new AbortController()
  const ignore = io.onInterrupt(() => watching.abort())
  try {
    await print(watching.signal)
  } catch (error) {
    if (!watching.signal.aborted) throw error
  } finally {
    ignore()
  }
}
