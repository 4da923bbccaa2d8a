import type { Run } from '@nabla/api/run'
import { runStates, valueOf } from '@nabla/api/run-states'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { formatNumber } from '../../parts/chart.tsx'
import { CopyId } from '../../parts/copy.tsx'
import type { Column } from '../../parts/data-table.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { Tags } from '../../parts/tags.tsx'
import { type Attribute, attributes, type FieldId, inQuery, readField, valueOfField } from './run-fields.ts'
import { useLatestValue } from './run-live.ts'

/** Columns of the address: `state,metrics.loss,params.lr`; those that are pinned with `!` before. */
export interface ChosenColumn {
  id: FieldId
  pinned: boolean
}

/** Reads columns from the address; what is none is left out. */
export function readColumns(text: string): ChosenColumn[] {
  const seen = new Set<string>()
  return text.split(',').flatMap((word) => {
    const pinned = word.startsWith('!')
    let id: string
    try {
      id = decodeURIComponent(pinned ? word.slice(1) : word)
    } catch {
      return []
    }
    if (readField(id) === undefined || seen.has(id)) return []
    seen.add(id)
    return [{ id, pinned }]
  })
}

export const writeColumns = (columns: readonly ChosenColumn[]): string =>
  columns.map(({ id, pinned }) => `${pinned ? '!' : ''}${encodeURIComponent(id)}`).join(',')

/** Which of the columns have words in them, by the runs that are at hand. */
export function wordColumns(chosen: readonly ChosenColumn[], runs: readonly Run[]): ReadonlySet<FieldId> {
  const isWord = ({ id }: ChosenColumn) => {
    const field = readField(id)
    return (
      field !== undefined &&
      field.kind !== 'metrics' &&
      runs.some((run) => typeof valueOfField(run, field) === 'string')
    )
  }
  return new Set(chosen.filter(isWord).map(({ id }) => id))
}

/** What is shown until somebody chooses: the state, some metrics and parameters, and the times. */
export function usualColumns(names: { metrics: readonly string[]; params: readonly string[] }): ChosenColumn[] {
  const short = names.metrics.filter((name) => !name.startsWith('system/'))
  const ids = [
    'state',
    ...short.slice(0, 4).map((name) => `metrics.${name}`),
    ...names.params.slice(0, 5).map((name) => `params.${name}`),
    'started',
    'took',
  ]
  return ids.map((id) => ({ id, pinned: false }))
}

/** Columns as a table draws them; the name of the run comes first. `words` are those that hold no numbers. */
export function toTableColumns(chosen: readonly ChosenColumn[], words: ReadonlySet<FieldId>): Column<Run>[] {
  const name: Column<Run> = {
    id: 'name',
    title: 'Name',
    width: '200px',
    sort: 'attributes.run_name',
    cell: (run) => run.name,
  }
  const others = chosen.flatMap(({ id, pinned }): Column<Run>[] => {
    const field = readField(id)
    if (!field) return []
    if (field.kind === 'attribute') return [{ ...attributeColumn(field.name as Attribute), pinned }]
    const isMetric = field.kind === 'metrics'
    return [
      {
        id,
        title: field.name,
        width: `${Math.min(220, Math.max(96, 24 + field.name.length * 8))}px`,
        ...(!words.has(id) && { align: 'right' as const }),
        sort: inQuery(field),
        pinned,
        ...(isMetric && { card: 'fact' as const }),
        cell: (run) => (isMetric ? <Metric run={run} name={field.name} /> : textOf(run, field.kind, field.name)),
      },
    ]
  })
  // A card of a phone has room for the state and two values.
  let facts = 0
  return [
    name,
    ...others.map((column) => (column.card === 'fact' && ++facts > 3 ? { ...column, card: 'none' as never } : column)),
  ]
}

/** The latest value of a metric, as the run logs it. */
function Metric({ run, name }: { run: Run; name: string }): ReactNode {
  const live = useLatestValue(run.id, name)
  const metric = run.metrics[name]
  const isNewer = live !== undefined && (metric === undefined || live[0] >= metric.step)
  if (!metric && !isNewer) return <span className="faint">–</span>
  const value = isNewer ? valueOf(live[2]) : metric!.value
  const step = isNewer ? live[0] : metric!.step
  const bounds = metric ? `; least ${metric.min}, most ${metric.max}` : ''
  return (
    <span title={`${value} at step ${step}${isNewer ? '' : bounds}`}>
      <span className="only-phone faint">{name} </span>
      {typeof value === 'number' ? formatNumber(value) : value}
    </span>
  )
}

function textOf(run: Run, kind: string, name: string): ReactNode {
  const text = kind === 'params' ? run.params[name] : run.labels[name]
  if (text === undefined) return <span className="faint">–</span>
  return (
    <span dir="auto" title={text}>
      {text}
    </span>
  )
}

function attributeColumn(name: Attribute): Column<Run> {
  const { title, order } = attributes[name]
  return { id: name, title, ...cells[name], ...(order !== undefined && { sort: order }) }
}

const linked = (to: string, text: string): ReactNode => (
  <Link to={to as never} dir="auto" title={text}>
    {text}
  </Link>
)

const cells: Record<Attribute, Pick<Column<Run>, 'cell' | 'width' | 'card' | 'align'>> = {
  state: {
    width: '104px',
    card: 'fact',
    cell: ({ state }) => <RunStateBadge state={state} />,
  },
  started: { width: '92px', cell: ({ startedAt }) => <RelativeTime time={startedAt} /> },
  took: {
    width: '92px',
    align: 'right',
    cell: ({ startedAt, endedAt }) => <Duration from={startedAt} to={endedAt} />,
  },
  job: { width: '160px', cell: ({ job }) => job && linked(`/jobs/${job.id}`, job.name) },
  project: {
    width: '140px',
    cell: ({ project }) => linked(`/projects/${encodeURIComponent(project.name)}`, project.name),
  },
  experiment: {
    width: '160px',
    cell: ({ experiment }) => experiment && linked(`/experiments/${experiment.id}`, experiment.name),
  },
  source: { width: '96px', cell: ({ source }) => source },
  by: { width: '110px', cell: ({ createdBy }) => <span dir="auto">{createdBy.name}</span> },
  tags: { width: '140px', cell: ({ tags }) => <Tags tags={tags} /> },
  id: { width: '190px', cell: ({ id }) => <CopyId value={id} /> },
}

/** The state of a run, told by shape and word. */
export function RunStateBadge({ state }: { state: Run['state'] }): ReactNode {
  return <StateBadge state={shapeWords[state]} label={runStates[state].label} />
}

const shapeWords: Record<Run['state'], string> = {
  scheduled: 'pending',
  running: 'running',
  finished: 'succeeded',
  failed: 'failed',
  killed: 'stopped',
}
