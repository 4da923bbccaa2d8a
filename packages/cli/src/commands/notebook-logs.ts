import { defineCommand } from '../command.ts'
import { arg, flag } from '../flags.ts'
import { printList } from '../print-list.ts'
import { withRetries } from '../job/resume.ts'
import { limits } from '../limits.ts'
import { LogPrinter } from '../terminal/log-printer.ts'
import { formatMetric } from '../terminal/metric-format.ts'

const whichNotebook = arg.required('name or id of the notebook')

export const logs = defineCommand({
  name: 'logs',
  about: 'Show the log of a notebook: how its environment was made, and what Jupyter says',
  args: { notebook: whichNotebook },
  flags: {
    follow: flag.on('go on until the session ends', { short: 'f' }),
    tail: flag.whole('lines', 'only the last lines', { short: 'n' }),
    source: flag.oneOf(['stdout', 'stderr', 'system'], 'only what came from there'),
    timestamps: flag.on('put the time before each line', { short: 't' }),
  },
  examples: [
    { line: 'notebook logs digits --tail 50', about: 'the last lines' },
    { line: 'notebook logs digits --follow --source system', about: 'what the platform says' },
  ],
  async run(context, args, flags) {
    const client = await context.client()
    const printer = new LogPrinter(context.out, { timestamps: flags.timestamps })
    const window = { notebook: args.notebook, ...(flags.source !== undefined && { source: flags.source }) }
    if (flags.tail !== undefined) {
      const { items } = await client.notebook.logs({ ...window, tail: flags.tail })
      for (const line of items) await printer.print({ ...line, lines: 1 })
    } else if (!flags.follow) {
      for (let next = 0; ;) {
        const page = await client.notebook.logs({ ...window, after: next, limit: limits.logPageLines })
        for (const line of page.items) await printer.print({ ...line, lines: 1 })
        if (page.items.length === 0 || page.next === next) break
        next = page.next
      }
    }
    if (flags.follow) {
      await withRetries(context, async (alive) => {
        const after = printer.last > 0 ? { after: printer.last } : {}
        for await (const { data } of client.notebook.followLogs({ ...window, ...after })) {
          alive()
          await printer.print(data)
        }
      })
    }
    await printer.finish()
  },
})

export const metrics = defineCommand({
  name: 'metrics',
  about: 'Show what a notebook uses: processor, memory, disk, network and GPUs',
  args: { notebook: whichNotebook },
  flags: { points: flag.whole('count', 'most points of a series with --json', { fallback: '500' }) },
  examples: [{ line: 'notebook metrics digits', about: 'now, in the mean, and at most' }],
  async run(context, { notebook }, { points }) {
    const client = await context.client()
    const range = await client.notebook.metrics({ notebook, ...(points !== undefined && { points }) })
    if (context.out.json) {
      await context.out.value(range)
      return
    }
    await printList(context, range.series, {
      empty: 'Nothing was measured: it has not run yet.',
      columns: [
        { title: 'SERIES', rank: 0, value: ({ name, labels }) => [name, ...Object.values(labels)].join(' ') },
        { title: 'NOW', rank: 0, align: 'right', value: ({ last, unit }) => formatMetric(last, unit) },
        { title: 'MEAN', rank: 1, align: 'right', value: ({ avg, unit }) => formatMetric(avg, unit) },
        { title: 'MOST', rank: 1, align: 'right', value: ({ max, unit }) => formatMetric(max, unit) },
      ],
    })
  },
})
