import type { Client } from '@nabla/api/client'
import type { MetricLine, MetricRange, MetricTick } from '@nabla/api/metric'
import { metricSeries } from '@nabla/api/metric-series'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { withRetries } from '../job/resume.ts'
import { findJob } from '../project-file.ts'
import { formatDuration, formatTime } from '../terminal/format.ts'
import { formatMetric } from '../terminal/metric-format.ts'
import { sparkline } from '../terminal/sparkline.ts'
import { type Column, renderTable } from '../terminal/table.ts'
import { widthOf } from '../terminal/terminal-width.ts'
import { toTime } from './job-logs.ts'

const ofTasks = Object.entries(metricSeries).filter(([, { of }]) => (of as readonly string[]).includes('task'))

export const metrics = defineCommand({
  name: 'metrics',
  about: 'Show what a job uses: processor, memory, disk, network and GPUs',
  details: `
The chart goes from the beginning to the end, each column with the most of its time; a blank is
a time in which nothing was measured. --json prints the points themselves.

Series:
${ofTasks.map(([name, { about }]) => `  ${name.padEnd(20)} ${about}`).join('\n')}`,
  args: { job: arg.optional('name or id of the job (default: the last one of this folder)', 'job') },
  flags: {
    follow: flag.on('go on until the job has ended', { short: 'f' }),
    series: flag.text('names', 'only these, with commas between: cpu,memory'),
    since: flag.text('time', 'only what is newer: 10m, 2h, or a time such as 2026-05-01T12:00'),
    points: flag.whole('count', 'most points of a series with --json', { fallback: '500' }),
  },
  examples: [
    { line: 'job metrics', about: 'of the last job of this folder' },
    { line: 'job metrics --follow train-7', about: 'watch it; Ctrl-C only stops watching' },
    { line: 'job metrics train-7 --series cpu,memory --since 10m', about: 'two of them, the last ten minutes' },
    { line: 'job metrics train-7 --json --points 100', about: 'the points, for a script' },
  ],
  async run(context, args, flags) {
    const { out } = context
    const client = await context.client()
    const query = {
      job: await findJob(context, args.job),
      points: out.json ? (flags.points ?? 500) : chartPoints,
      ...(flags.series !== undefined && { series: flags.series }),
      ...(flags.since !== undefined && { from: toTime(flags.since, context.io.now()) }),
    }
    const range = await client.job.metrics(query)
    if (flags.follow) return follow(context, client, query, range)
    if (out.json) await out.value(range)
    else if (range.series.length === 0) out.note(flags.since === undefined ? nothing : nothingSince)
    else await out.line(render(context, range).join('\n'))
    return 0
  },
})

type Query = Parameters<Client['job']['metrics']>[0]

const nothing = 'Nothing was measured: the job has not run yet, or was over within two seconds.'
const nothingSince = 'Nothing was measured in that time. Without --since there is all of it.'
/** More than a terminal has columns. */
const chartPoints = 300
const leastChart = 12
const mostChart = 60
const gap = 2

/** The table, with a chart as wide as there is room for; a narrow terminal leaves out columns before it. */
function render({ out }: Context, { series, from, to }: MetricRange): string[] {
  const all: Column<MetricLine>[] = [
    { title: 'SERIES', rank: 0, value: nameOf },
    { title: 'LAST', rank: 0, align: 'right', value: ({ last, unit }) => formatMetric(last, unit) },
    { title: 'AVG', rank: 2, align: 'right', value: ({ avg, unit }) => formatMetric(avg, unit) },
    { title: 'MAX', rank: 1, align: 'right', value: ({ max, unit }) => formatMetric(max, unit) },
    {
      title: 'OF',
      rank: 3,
      align: 'right',
      value: ({ limit, unit }) => (limit === null ? '' : formatMetric(limit, unit)),
    },
  ]
  const widthOfColumn = ({ title, value }: Column<MetricLine>): number =>
    Math.max(widthOf(title), ...series.map((one) => widthOf(value(one)))) + gap
  const tries = [3, 2, 1, 0].map((rank) => {
    const columns = all.filter((column) => column.rank <= rank)
    return { columns, room: columns.reduce((room, column) => room - widthOfColumn(column), out.width ?? 100) }
  })
  const { columns, room } = tries.find((one) => one.room >= leastChart) ?? { columns: all, room: leastChart }
  const chart: Column<MetricLine> = {
    title: formatDuration(Date.parse(to ?? '') - Date.parse(from ?? '')),
    rank: 4,
    value: ({ points, max }) => sparkline(valuesOf(points), Math.min(mostChart, room), max),
    paint: (text) => out.style('cyan', text),
  }
  return renderTable(series, [...columns, chart], out.width, (text) => out.style('bold', text))
}

/** The most of each interval, with the intervals of gaps filled in. */
function valuesOf(points: MetricLine['points']): (number | null)[] {
  const times = points.map(([at]) => at)
  const steps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
  const step = Math.min(...steps.filter((one) => one > 0), Infinity)
  return points.flatMap(([at, , , most], index) => {
    const until = times[index + 1] ?? at + step
    const blanks = most === null ? Math.max(1, Math.min(chartPoints, Math.round((until - at) / step))) : 1
    return Array<number | null>(Number.isFinite(blanks) ? blanks : 1).fill(most)
  })
}

function nameOf({ name, labels }: Pick<MetricLine, 'name' | 'labels'>): string {
  return [name, ...Object.entries(labels).map(([label, value]) => `${label}=${value}`)].join(' ')
}

/** On a terminal the table is drawn anew at each measurement; elsewhere each is a line. */
async function follow(context: Context, client: Client, query: Query, begun: MetricRange): Promise<number> {
  const { out } = context
  const watching = new AbortController()
  const ignore = context.io.onInterrupt(() => watching.abort())
  const wanted = query.series?.split(',').map((name) => name.trim())
  const redraws = out.canvas !== undefined && out.sharesScreen
  let after = begun.to
  let lines = redraws ? await redraw(context, begun, 0) : 0
  try {
    await withRetries(
      context,
      async (alive) => {
        const from = after === null ? {} : { after }
        const stream = client.job.followMetrics({ job: query.job, ...from }, { signal: watching.signal })
        for await (const { data } of stream) {
          alive()
          after = data.at
          if (redraws) lines = await redraw(context, await client.job.metrics(query), lines)
          else await printTick(context, data, wanted)
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

async function redraw(context: Context, range: MetricRange, linesBefore: number): Promise<number> {
  const lines = range.series.length === 0 ? [nothing] : render(context, range)
  const back = linesBefore === 0 ? '' : `\u001b[${linesBefore}F\u001b[J`
  await context.out.write(`${back}${lines.join('\n')}\n`)
  return lines.length
}

async function printTick({ out }: Context, tick: MetricTick, wanted: readonly string[] | undefined): Promise<void> {
  const values = tick.values.filter(({ name }) => !wanted || wanted.includes(name))
  if (out.json) return out.value({ at: tick.at, values })
  const units: Record<string, { unit: string } | undefined> = metricSeries
  const words = values.map((one) => `${nameOf(one)} ${formatMetric(one.value, units[one.name]?.unit ?? null)}`)
  return out.line([formatTime(tick.at), ...words].join('  '))
}
