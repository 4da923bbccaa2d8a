import type { MachineUse } from '@nabla/api/metric'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { flag } from '../flags.ts'
import { withRetries } from '../job/resume.ts'
import { formatBytes, formatMemory, plural } from '../terminal/format.ts'
import { gauge, sparkline } from '../terminal/sparkline.ts'
import { renderFields } from '../terminal/table.ts'

export const machine = defineCommand({
  name: 'machine',
  about: 'Show what the machine does, and what of it is given out',
  flags: { follow: flag.on('go on, every two seconds', { short: 'f' }) },
  examples: [
    { line: 'machine', about: 'now' },
    { line: 'machine --follow', about: 'watch it; Ctrl-C ends' },
    { line: 'machine --json', about: 'for a script' },
  ],
  async run(context, _args, flags) {
    const client = await context.client()
    if (flags.follow) return follow(context)
    const use = await client.server.machine()
    if (context.out.json) await context.out.value(use)
    else await context.out.line(render(context, use).join('\n'))
    return 0
  },
})

const barWidth = 20

function render({ out }: Context, use: MachineUse): string[] {
  const { cpu, memory, disk, gpus, given, tasks, load } = use
  const bar = (share: number) =>
    out.style(share > 0.9 ? 'red' : share > 0.7 ? 'yellow' : 'green', gauge(share, barWidth))
  const used = (part: number, whole: number, text: (value: number) => string): string =>
    `${bar(part / (whole || 1))}  ${text(part)} of ${text(whole)}`
  const cores = (value: number): string => `${Number(value.toFixed(1))}`
  const fields: [string, string][] = [
    ['processor', cpu.usedCores === null ? 'not known yet' : `${used(cpu.usedCores, cpu.cores, cores)} cores`],
    ['by core', sparkline(cpu.perCore, Math.max(barWidth, (out.width ?? 100) - 14), 100)],
    ['memory', used(memory.usedBytes, memory.totalBytes, formatMemory)],
    ['disk', used(disk.usedBytes, disk.totalBytes, formatBytes)],
    ['load', load.map((value) => value.toFixed(2)).join('  ')],
    ...gpus.map((gpu): [string, string] => [`gpu ${gpu.index}`, gpuWords(gpu, bar)]),
    ['given out', `${used(given.cpus.taken, given.cpus.all, cores)} cores`],
    ['', used(given.memoryBytes.taken, given.memoryBytes.all, formatMemory)],
    ...(given.gpus.all > 0 ? [['', `${used(given.gpus.taken, given.gpus.all, cores)} GPUs`] as [string, string]] : []),
    ['jobs', `${plural(tasks.running, 'task')} at work, ${tasks.queued} waiting`],
  ]
  return renderFields(
    fields.filter(([, text]) => text !== ''),
    (name) => out.style('dim', name),
  )
}

function gpuWords(gpu: MachineUse['gpus'][number], bar: (share: number) => string): string {
  const known = <T>(value: T | null, text: (value: T) => string): string[] => (value === null ? [] : [text(value)])
  return [
    bar((gpu.utilization ?? 0) / 100),
    ...known(gpu.utilization, (percent) => `${Math.round(percent)} %`),
    ...known(gpu.memoryUsedBytes, (bytes) => `${formatMemory(bytes)} of ${formatMemory(gpu.memoryTotalBytes ?? 0)}`),
    ...known(gpu.powerWatts, (watts) => `${Math.round(watts)} W`),
    ...known(gpu.temperatureCelsius, (degrees) => `${Math.round(degrees)} °C`),
    gpu.name,
    gpu.taken ? 'taken' : 'free',
  ].join('  ')
}

/** On a terminal the figures are drawn anew each time; elsewhere they follow each other. */
async function follow(context: Context): Promise<number> {
  const { out } = context
  const client = await context.client()
  const watching = new AbortController()
  const ignore = context.io.onInterrupt(() => watching.abort())
  const redraws = out.canvas !== undefined && out.sharesScreen
  let drawn = 0
  try {
    await withRetries(
      context,
      async (alive) => {
        for await (const { data } of client.server.followMachine({}, { signal: watching.signal })) {
          alive()
          if (out.json) {
            await out.value(data)
            continue
          }
          const lines = render(context, data)
          await out.write(`${redraws && drawn > 0 ? `\u001b[${drawn}F\u001b[J` : ''}${lines.join('\n')}\n`)
          drawn = lines.length
        }
      },
      watching.signal,
    )
  } catch (error) {
    if (!watching.signal.aborted) throw error
  } finally {
    ignore()
  }
  return 0
}
