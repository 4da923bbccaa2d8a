import type { MetricRange } from '@nabla/api/metric'
import { jobRunId } from '../../kinds/run/job-run.ts'
import { AppError } from '../../lib/app-error.ts'
import type { CallContract } from './contract.ts'
import type { Exchange } from './route.ts'

/** A value at a moment: seconds since the epoch, and the value as text. */
interface Point {
  time_stamp: number
  value: string
}

/** One chart: by the name of the node, its points. */
export type Chart = Record<string, Point[]>

/** The names in a list with commas; those that Gradient showed where none was given. */
export const chartNames = (text: string | undefined): string[] =>
  (text ?? 'cpuPercentage,memoryUsage')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .slice(0, 100)

/** One task of what is asked about, and the name under which its values are told. */
export interface Node {
  pod: string
  read(range: Range): Promise<MetricRange>
  /** The job whose program may have logged values of its own. */
  jobId?: string
}

interface Range {
  points: number
  from?: string
  to?: string
}

/** What ran for a thing. Throws AppError `not_found`, and `invalid` for what has no metrics. */
export async function nodesOf({ call }: Pick<Exchange, 'call'>, type: string, handle: string): Promise<Node[]> {
  const ofJob = (pod: string, job: string): Node => ({
    pod,
    jobId: job,
    read: (range) => call('job', 'metrics', { job, ...range }),
  })
  switch (type) {
    case 'mljob': {
      const { id, name } = await call('job', 'show', { job: handle })
      return [ofJob(name, id)]
    }
    case 'experiment': {
      const { id, jobs } = await call('experiment', 'show', { experiment: handle })
      return jobs.map((node) => ofJob(`mljob-${id}-${node.index}-${node.role}`, node.id))
    }
    case 'notebook': {
      const { id: notebook, name } = await call('notebook', 'show', { notebook: handle })
      return [{ pod: name, read: (range) => call('notebook', 'metrics', { notebook, ...range }) }]
    }
    case 'modelDeployment': {
      const { items } = await call('deployment', 'instances', { deployment: handle })
      const running = items.filter(({ state }) => state !== 'ended')
      return running.map(({ id: instance, name }) => ({
        pod: name,
        read: (range) => call('deployment', 'instanceMetrics', { deployment: handle, instance, ...range }),
      }))
    }
    default:
      throw new AppError('invalid', { detail: `There are no metrics of ${type.slice(0, 40)} here.` })
  }
}

type Series = Map<string, [number, number][]>

interface BuiltIn {
  from: readonly string[]
  value(series: readonly number[], cpus: number): number | undefined
}

const only =
  (index: number): BuiltIn['value'] =>
  (values) =>
    values[index]

/** The charts that Gradient had by itself, and which of our series they are made of. */
export const builtIn: Record<string, BuiltIn> = {
  cpuPercentage: { from: ['cpu'], value: ([cores = 0], cpus) => (cores / cpus) * 100 },
  memoryUsage: { from: ['memory'], value: only(0) },
  gpuMemoryFree: { from: ['gpuMemoryTotal', 'gpuMemoryUsed'], value: ([all = 0, used = 0]) => all - used },
  gpuMemoryUsed: { from: ['gpuMemoryUsed'], value: only(0) },
  gpuPowerDraw: { from: ['gpuPower'], value: only(0) },
  gpuTemp: { from: ['gpuTemperature'], value: only(0) },
  gpuUtilization: { from: ['gpuUtilization'], value: only(0) },
  gpuMemoryUtilization: { from: ['gpuMemoryUtilization'], value: only(0) },
}

/** Values of the charts that are asked for, where there are any. */
export async function readCharts(
  { call }: Pick<Exchange, 'call'>,
  nodes: readonly Node[],
  wanted: readonly string[],
  { start, end, interval }: { start?: string | undefined; end?: string | undefined; interval?: string | undefined },
): Promise<Map<string, Chart>> {
  const charts = new Map<string, Chart>()
  const add = (name: string, pod: string, points: [number, number][]) => {
    if (points.length === 0) return
    const chart = charts.get(name) ?? {}
    chart[pod] = points.map(([at, value]) => ({ time_stamp: Math.round(at / 1000), value: String(value) }))
    charts.set(name, chart)
  }
  const from = toTime(start)
  const to = toTime(end)
  for (const { pod, read, jobId } of nodes) {
    const range = await read({
      points: pointsFor(from, to, interval),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    })
    const series = seriesOf(range)
    const cpus = range.series.find(({ name }) => name === 'cpu')?.limit ?? 1
    for (const name of wanted) if (builtIn[name]) add(name, pod, chartOf(builtIn[name], series, cpus))
    const custom = wanted.filter((name) => !builtIn[name])
    for (const [name, points] of await loggedCurves(call, jobId, custom)) add(name, pod, points)
  }
  return charts
}

/** Values at each moment, of the first GPU where there are several. */
function seriesOf(range: MetricRange): Series {
  const series: Series = new Map()
  for (const { name, points } of range.series) {
    if (series.has(name)) continue
    series.set(
      name,
      points.flatMap(([at, , mean]): [number, number][] => (mean === null ? [] : [[at, mean]])),
    )
  }
  return series
}

function chartOf({ from, value }: BuiltIn, series: Series, cpus: number): [number, number][] {
  const [first = '', ...others] = from
  const rest = others.map((name) => new Map(series.get(name)))
  return (series.get(first) ?? []).flatMap(([at, one]): [number, number][] => {
    const values = [one, ...rest.map((points) => points.get(at) ?? Number.NaN)]
    const result = values.some(Number.isNaN) ? undefined : value(values, cpus)
    return result === undefined ? [] : [[at, result]]
  })
}

/** The names of what the program of a job logged itself. */
export async function loggedNames(call: CallContract, jobId: string | undefined): Promise<string[]> {
  if (jobId === undefined) return []
  try {
    return Object.keys((await call('run', 'show', { run: jobRunId(jobId) })).metrics)
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return []
    throw error
  }
}

async function loggedCurves(
  call: CallContract,
  jobId: string | undefined,
  metrics: string[],
): Promise<[string, [number, number][]][]> {
  if (jobId === undefined || metrics.length === 0 || (await loggedNames(call, jobId)).length === 0) return []
  const { curves } = await call('run', 'curves', { body: { runs: [jobRunId(jobId)], metrics, x: 'time' } })
  return curves.map((curve) => [
    curve.metric,
    curve.points.flatMap(([, at, , mean]): [number, number][] =>
      typeof mean === 'number' && typeof at === 'number' ? [[at, mean]] : [],
    ),
  ])
}

function toTime(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  // The clients leave out the zone, or write one.
  const at = Date.parse(/[Z+]|-\d\d:\d\d$/.test(text.slice(10)) ? text : `${text}Z`)
  if (Number.isNaN(at)) throw new AppError('invalid', { detail: `${text.slice(0, 40)} is not a time.` })
  return new Date(at).toISOString()
}

function pointsFor(from: string | undefined, to: string | undefined, interval: string | undefined): number {
  const [, amount, unit = 's'] = /^(\d{1,6})\s*([smhd])/.exec(interval ?? '') ?? []
  if (from === undefined || amount === undefined) return 500
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's' | 'm' | 'h' | 'd']
  const spanMs = (to === undefined ? Date.parse(from) + 86_400_000 : Date.parse(to)) - Date.parse(from)
  return Math.min(5000, Math.max(2, Math.ceil(spanMs / (Math.max(1, Number(amount)) * unitMs))))
}
