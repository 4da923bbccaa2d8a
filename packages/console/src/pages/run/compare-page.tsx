import type { Run } from '@nabla/api/run'
import { Link } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState, ErrorState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { useSetUrlSearch, useUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { CompareParams } from './compare-params.tsx'
import type { FieldId } from './run-fields.ts'
import { looksOf } from './run-look.ts'
import { columnsWord, picturedFields, type RunNames, useAllRuns } from './run-source.ts'
import { toCharted } from './run-views.tsx'
import './run.css'

const RunCharts = lazy(() => import('./run-charts.tsx').then(({ RunCharts }) => ({ default: RunCharts })))
const RunPictures = lazy(() => import('./run-pictures.tsx').then(({ RunPictures }) => ({ default: RunPictures })))
const CompareJobs = lazy(() => import('./compare-jobs.tsx').then(({ CompareJobs }) => ({ default: CompareJobs })))

const crumbs = [{ label: 'Runs', to: '/runs' }]
/** As many as have looks of their own, and about as many as one can tell apart. */
const mostRuns = 50

/** Runs over and beside each other: curves, what was different, code and packages, and what depends on what. */
export function CompareRunsPage(): ReactNode {
  const [text] = useUrlState('ids')
  const ids = useMemo(() => [...new Set(text.split(',').filter((id) => id !== ''))].slice(0, mostRuns), [text])
  const { runs, names, error, retry } = useCompared(ids)
  return (
    <>
      <PageHeader title={`Compare ${ids.length} runs`} crumbs={crumbs} />
      {ids.length < 2 ? (
        <EmptyState title="Select two runs or more in the table, and compare them." command="runs list" />
      ) : error ? (
        <ErrorState error={error} onRetry={retry} />
      ) : runs === undefined || names === undefined ? (
        <Lines count={10} />
      ) : (
        <Compared runs={runs} names={names} />
      )}
    </>
  )
}

/** The runs in the order that was asked for, with what is drawn of them: they may have thousands of metrics each. */
function useCompared(ids: readonly string[]) {
  const filter = filterOf(ids)
  const enabled = ids.length >= 2
  const names = useApi('run', 'columns', { filter }, { enabled })
  const search = useUrlSearch()
  const columns = names.data && columnsWord(fieldsOf(search, names.data))
  const list = useAllRuns({ filter, ...(columns !== undefined && { columns }) }, enabled && names.data !== undefined)
  const missing = list.isPlaceholderData
    ? undefined
    : list.data && ids.find((id) => !list.data.some((run) => run.id === id))
  // It is gone, or never was: the server says so.
  const lost = useApi('run', 'show', { run: missing ?? '' }, { enabled: missing !== undefined })
  const runs = useMemo(() => list.data && inOrder(ids, list.data), [ids, list.data])
  const retry = () => [names, list, lost].forEach((one) => void (one.error && one.refetch()))
  const error = names.error ?? list.error ?? lost.error
  return { names: names.data, runs: missing === undefined ? runs : undefined, error, retry }
}

const filterOf = (ids: readonly string[]): string =>
  `attributes.run_id IN (${ids.map((id) => `'${id.replaceAll("'", '')}'`).join(', ')})`

const inOrder = (ids: readonly string[], runs: readonly Run[]): Run[] =>
  ids.flatMap((id) => runs.find((run) => run.id === id) ?? [])

const fieldsOf = (search: Readonly<Record<string, unknown>>, names: RunNames): FieldId[] => [
  ...picturedFields(search, names),
  ...names.params.map((name) => `params.${name}`),
]

/** All that the runs have, side by side. */
function AllOfRuns({ ids }: { ids: readonly string[] }): ReactNode {
  const query = useAllRuns({ filter: filterOf(ids) })
  return <Loaded query={query}>{(runs) => <CompareParams runs={inOrder(ids, runs)} />}</Loaded>
}

function Compared({ runs, names }: { runs: readonly Run[]; names: RunNames }): ReactNode {
  const { metrics } = names
  const key = runs.map(({ id, name, state }) => `${id} ${name} ${state}`).join(',')
  const charted = useMemo(() => runs.map(toCharted), [key])
  const pictures = (view: 'parallel' | 'scatter' | 'importance') => (
    <Suspense fallback={<Lines count={8} />}>
      <RunPictures runs={runs} names={names} view={view} />
    </Suspense>
  )
  return (
    <>
      <Legend runs={runs} />
      <Tabs
        label="Compare"
        tabs={[
          {
            id: 'charts',
            label: 'Charts',
            count: metrics.length,
            content: () => (
              <Suspense fallback={<Lines count={8} />}>
                <RunCharts runs={charted} metrics={metrics} empty={<EmptyState title="They logged no metrics." />} />
              </Suspense>
            ),
          },
          { id: 'params', label: 'Parameters', content: () => <AllOfRuns ids={runs.map(({ id }) => id)} /> },
          {
            id: 'code',
            label: 'Code and packages',
            content: () => (
              <Suspense fallback={<Lines count={8} />}>
                <CompareJobs runs={runs} />
              </Suspense>
            ),
          },
          { id: 'parallel', label: 'Parallel', content: () => pictures('parallel') },
          { id: 'scatter', label: 'Scatter', content: () => pictures('scatter') },
          { id: 'importance', label: 'Importance', content: () => pictures('importance') },
        ]}
      />
      <div className="run-foot">
        <CommandLine line={`runs compare ${runs.map(({ id }) => id).join(' ')}`} />
      </div>
    </>
  )
}

/** The runs with their colours; pressing one hides its lines on all charts. */
function Legend({ runs }: { runs: readonly Run[] }): ReactNode {
  const [hide] = useUrlState('hide')
  const change = useSetUrlSearch()
  const hidden = new Set(hide.split(',').filter((id) => id !== ''))
  const looks = looksOf(runs.map(({ id }) => id))
  const toggle = (id: string) => {
    const next = hidden.has(id) ? [...hidden].filter((one) => one !== id) : [...hidden, id]
    change({ hide: next.join(',') })
  }
  return (
    <ul className="run-legend" aria-label="Runs">
      {runs.map(({ id, name }) => {
        const look = looks.get(id)!
        return (
          <li key={id}>
            <button type="button" aria-pressed={!hidden.has(id)} aria-label={`Show ${name}`} onClick={() => toggle(id)}>
              <span className={`chart-mark chart-dash-${look.dash} chart-color-${look.color}`} aria-hidden="true" />
            </button>
            <Link to={`/runs/${id}` as never} dir="auto" className="ellipsis" title={name}>
              {name}
            </Link>
          </li>
        )
      })}
    </ul>
  )
}
