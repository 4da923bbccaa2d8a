import type { Client } from '@nabla/api/client'
import { csvLine } from '@nabla/api/csv'
import { type Run, type RunCurve, runRoutes } from '@nabla/api/run'
import { numberOf } from '@nabla/api/run'
import { usageError } from '../cli-error.ts'
import { defineCommand, type Group } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { callCommand, listCommand } from '../from-contract.ts'
import { formatAgo, formatTime } from '../terminal/format.ts'
import { sparkline } from '../terminal/sparkline.ts'
import type { Column } from '../terminal/table.ts'
import { widthOf } from '../terminal/terminal-width.ts'

const list = listCommand<Run>('run', runRoutes, {
  about: 'Show runs with their latest metrics, newest first',
  columns: ({ io }) => [
    { title: 'ID', rank: 0, value: (run) => run.id },
    { title: 'NAME', rank: 1, shrinkTo: 10, value: (run) => run.name },
    { title: 'STATE', rank: 2, value: (run) => run.state },
    { title: 'METRICS', rank: 3, shrinkTo: 20, value: (run) => metricsOf(run) },
    { title: 'PARAMETERS', rank: 5, shrinkTo: 16, value: (run) => paramsOf(run) },
    { title: 'PROJECT', rank: 6, shrinkTo: 10, value: (run) => run.project.name },
    { title: 'STARTED', rank: 4, value: (run) => formatAgo(run.startedAt, io.now()) },
  ],
  empty: 'No runs. A job has one once its program logs with mlflow; see docs/guide/tracking.md.',
  examples: [
    { line: 'runs list --project digits', about: 'of one project' },
    { line: `runs list --filter "metrics.loss < 0.1" --order "metrics.loss asc"`, about: 'the best first' },
  ],
})

const show = callCommand<Run>('run', runRoutes, 'show', {
  name: 'show',
  about: 'Show one run: parameters, metrics and labels',
  examples: [{ line: 'runs show ru0123456789abcdef', about: 'by its id, or by that of its job' }],
  async print({ out }, run) {
    await out.fields([
      ['name', out.style('bold', run.name)],
      ['id', run.id],
      ['project', run.project.name],
      ...(run.experiment ? ([['experiment', run.experiment.name]] as [string, string][]) : []),
      ['job', run.job?.name ?? '–'],
      ['state', run.state],
      ['started', formatTime(run.startedAt)],
      ['ended', run.endedAt === null ? '–' : formatTime(run.endedAt)],
      ...Object.entries(run.params).map(([name, value]): [string, string] => [`params.${name}`, value]),
      ...Object.entries(run.metrics).map(([name, latest]): [string, string] => [
        `metrics.${name}`,
        `${numberText(numberOf(latest.value))} at step ${latest.step}, ${latest.count} in all`,
      ]),
    ])
  },
})

interface Compared {
  what: string
  cells: string[]
}

export const compare = defineCommand({
  name: 'compare',
  about: 'Compare runs: their curves, and the parameters that differ',
  details: '\nEach curve is drawn between the least and the most of that metric in all of these runs.',
  args: { runs: arg.many('ids of runs, or of their jobs') },
  flags: {
    metrics: flag.text('names', 'only these, with commas between'),
    csv: flag.on('write the points of the curves as CSV'),
  },
  examples: [
    { line: 'runs compare ru0123456789abcdef ru0123456789abcdeg --metrics loss', about: 'two of them' },
    { line: 'runs compare ru0123456789abcdef ru0123456789abcdeg --csv > curves.csv', about: 'for a spreadsheet' },
  ],
  async run(context, args, flags) {
    const { out } = context
    const references = args.runs
    if (references.length < 2)
      throw usageError('Fewer than two runs are nothing to compare.', 'See them with `nabla runs list`.')
    const client = await context.client()
    const runs = await Promise.all(references.map((run) => client.run.show({ run })))
    const names = flags.metrics?.split(',') ?? [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort()
    if (flags.csv) return writeCurves(context, client, runs, names)
    const metrics = names.slice(0, mostMetrics)
    const body = { runs: runs.map(({ id }) => id), metrics, points: 200 }
    const { curves } = metrics.length === 0 ? { curves: [] } : await client.run.curves({ body })
    if (out.json) return out.value({ runs, curves })
    const rowsAt = (width: number) => metrics.flatMap((metric) => curveRows(metric, runs, curves, width))
    const beside = rowsAt(chartWidthFor(out.width, runs.length))
    const rest = differing(runs)
    if (fitsBeside(beside, rest, out.width)) await out.table([...beside, ...rest], besideColumns(runs, beside))
    else {
      const names = [...metrics, ...rest.map(({ what }) => what)]
      await out.table(below([...rowsAt(chartWidthBelow(out.width, runs, names)), ...rest], runs), belowColumns)
    }
  },
})

const remove = callCommand<unknown>('run', runRoutes, 'delete', {
  name: 'delete',
  about: 'Delete a run with all that it tracked; its job stays',
  examples: [{ line: 'runs delete ru0123456789abcdef', about: 'there is no way back' }],
  print: async ({ out }, _, { run }) => out.note(`Deleted run ${String(run)}`),
})

const exportRuns = defineCommand({
  name: 'export',
  about: 'Write runs as CSV: a row each, with parameters, latest metrics and labels',
  flags: {
    project: flag.text('name', 'only those of this project'),
    filter: flag.text('filter', 'only those that match, such as metrics.loss < 0.1'),
  },
  examples: [{ line: 'runs export --project digits > runs.csv', about: 'for a spreadsheet' }],
  async run(context, _, flags) {
    const client = await context.client()
    const { project, filter } = flags
    const { body } = await client.run.export({
      ...(project === undefined ? {} : { project }),
      ...(filter === undefined ? {} : { filter }),
    })
    const decoder = new TextDecoder()
    for await (const chunk of body ?? []) await context.out.write(decoder.decode(chunk, { stream: true }))
  },
})

export const runs: Group = {
  name: 'runs',
  about: 'What programs track: parameters, metrics and labels',
  commands: [list, show, compare, exportRuns, remove],
}

/** More than a person compares in a terminal. */
const mostMetrics = 30

/** Of one curve, in a file. */
const csvPoints = 2000

/** Of a number, with its point, sign and exponent. */
const mostDigits = 11
const [narrowestChart, widestChart] = [8, 24]

/** Columns of the terminal for each curve, where so many runs stand side by side. */
function chartWidthFor(width = 100, runs: number): number {
  return Math.max(narrowestChart, Math.min(widestChart, Math.floor((width - 20) / runs) - 12))
}

/** The same where each run has a line of its own, after the name of what is compared and its own. */
function chartWidthBelow(width = 100, runs: readonly Run[], names: readonly string[]): number {
  const before = [names, runs.map(({ name }) => name)].map((words) => Math.max(0, ...words.map(widthOf)) + 2)
  const left = before.reduce((sum, one) => sum - one, width - mostDigits - 1)
  return Math.max(narrowestChart, Math.min(widestChart, left))
}

const cellWidth = (rows: readonly Compared[], run: number): number =>
  Math.max(narrowestChart, ...rows.map(({ cells }) => widthOf(cells[run] ?? '')))

/** Whether no curve has to be cut; parameters and names may be. */
function fitsBeside(curves: readonly Compared[], rest: readonly Compared[], width: number | undefined): boolean {
  if (width === undefined) return true
  const names = Math.max(0, ...[...curves, ...rest].map(({ what }) => widthOf(what)))
  const runs = (curves[0] ?? rest[0])?.cells ?? []
  return runs.reduce((sum, _, run) => sum + 2 + cellWidth(curves, run), names) <= width
}

/** A column for each run. */
const besideColumns = (runs: readonly Run[], curves: readonly Compared[]): Column<Compared>[] => [
  { title: '', rank: 0, value: ({ what }) => what },
  ...runs.map((run, place) => ({
    title: run.name,
    rank: 0,
    shrinkTo: cellWidth(curves, place),
    value: ({ cells }: Compared) => cells[place] ?? '',
  })),
]

/** In a narrow terminal: a line for each run, below what it is compared by. */
const below = (rows: readonly Compared[], runs: readonly Run[]): { what: string; run: string; cell: string }[] =>
  rows.flatMap(({ what, cells }) =>
    runs.map(({ name }, place) => ({ what: place === 0 ? what : '', run: name, cell: cells[place] ?? '' })),
  )

const belowColumns: readonly Column<{ what: string; run: string; cell: string }>[] = [
  { title: '', rank: 0, shrinkTo: 12, value: ({ what }) => what },
  { title: 'RUN', rank: 0, shrinkTo: 12, value: ({ run }) => run },
  { title: 'VALUE', rank: 0, shrinkTo: 20, value: ({ cell }) => cell },
]

function curveRows(metric: string, runs: readonly Run[], curves: readonly RunCurve[], width: number): Compared[] {
  const own = curves.filter((curve) => curve.metric === metric)
  const values = own.flatMap(({ points }) => points.flatMap(([, , least, , most]) => [numberOf(least), numberOf(most)]))
  const finite = values.filter((value) => Number.isFinite(value))
  if (finite.length === 0) return []
  const least = finite.reduce((one, other) => Math.min(one, other))
  const most = finite.reduce((one, other) => Math.max(one, other))
  const digits = Math.max(...runs.map((run) => numberText(numberOf(run.metrics[metric]?.value ?? 0)).length))
  const cells = runs.map((run) => {
    const latest = run.metrics[metric]
    const points = own.find((curve) => curve.run === run.id)?.points ?? []
    const heights = points.map(([, , , mean]) => (Number.isFinite(numberOf(mean)) ? numberOf(mean) - least : null))
    const chart = points.length > 1 ? ` ${sparkline(heights, width, most - least)}` : ''
    return latest ? (numberText(numberOf(latest.value)).padEnd(digits) + chart).trimEnd() : '–'
  })
  return [{ what: metric, cells }]
}

/** All of them as CSV. Where a point stands for several values, `value` is their mean. */
async function writeCurves({ out }: Context, client: Client, runs: readonly Run[], metrics: readonly string[]) {
  const nameOf = new Map(runs.map(({ id, name }) => [id, name]))
  await out.write(csvLine(['run', 'id', 'metric', 'step', 'time', 'value', 'least', 'most']))
  for (const metric of metrics) {
    const { curves } = await client.run.curves({
      body: { runs: runs.map(({ id }) => id), metrics: [metric], points: csvPoints },
    })
    for (const { run, points } of curves) {
      const lines = points.map(([step, time, least, mean, most]) => {
        const values = [mean, least, most].map((value) => String(numberOf(value)))
        return csvLine([nameOf.get(run) ?? '', run, metric, step, new Date(time).toISOString(), ...values])
      })
      await out.write(lines.join(''))
    }
  }
}

function differing(runs: readonly Run[]): Compared[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.params)))].sort()
  return names
    .map((name) => ({ what: `params.${name}`, cells: runs.map((run) => run.params[name] ?? '–') }))
    .filter(({ cells }) => new Set(cells).size > 1)
}

const metricsOf = (run: Run): string =>
  Object.entries(run.metrics)
    .map(([name, { value }]) => `${name}=${numberText(numberOf(value))}`)
    .join(' ')

const paramsOf = (run: Run): string =>
  Object.entries(run.params)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** With as many digits as people compare. */
function numberText(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(5))) : String(value)
}
