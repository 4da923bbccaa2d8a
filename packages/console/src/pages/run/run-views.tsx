import { Button, SegmentedControl } from '@mantine/core'
import type { Run } from '@nabla/api/run'
import { runStates } from '@nabla/api/run-states'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { client } from '../../api/client.ts'
import { type LiveList, useList } from '../../api/list.ts'
import { useMedia } from '../../parts/use-rows.ts'
import { Icon } from '../../parts/icon.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, ErrorState, Lines } from '../../parts/states.tsx'
import { useUrlSearch, useUrlState } from '../../parts/url-state.ts'
import { RunColumnChooser } from './run-column-chooser.tsx'
import {
  type ChosenColumn,
  readColumns,
  toTableColumns,
  usualColumns,
  wordColumns,
  writeColumns,
} from './run-columns.tsx'
import { RunFilter } from './run-filter.tsx'
import { RunFeedContext, useRunFeed } from './run-live.ts'
import {
  columnsWord,
  picturedFields,
  type RunNames,
  type RunPlace,
  type RunSource,
  useAllRuns,
  useRunColumns,
  useRunSource,
} from './run-source.ts'
import { RunTable } from './run-table.tsx'
import '@mantine/core/styles/FloatingIndicator.css'
import '@mantine/core/styles/SegmentedControl.css'
import './run.css'

const RunCharts = lazy(() => import('./run-charts.tsx').then(({ RunCharts }) => ({ default: RunCharts })))
const RunPictures = lazy(() => import('./run-pictures.tsx').then(({ RunPictures }) => ({ default: RunPictures })))

/** Ways to look at many runs. */
export const runViews = [
  { value: 'table', label: 'Table' },
  { value: 'charts', label: 'Charts' },
  { value: 'parallel', label: 'Parallel' },
  { value: 'scatter', label: 'Scatter' },
  { value: 'importance', label: 'Importance' },
] as const

export type RunView = (typeof runViews)[number]['value']

/** Lines that fit on the charts of many runs: the first of those that match. */
const mostCharted = 50

/**
 * The runs of a project, an experiment or the team: as a table, as charts over each other, and as pictures of what depends
 * on what. Filter, order, columns and view stand in the address.
 */
export function RunViews(props: {
  place: RunPlace
  empty: ReactNode
  /** Where one begins. */
  usualView?: RunView
}): ReactNode {
  const { place, empty, usualView = 'table' } = props
  const { source, filter, setFilter, order, setOrder } = useRunSource(place)
  const names = useRunColumns(place)
  const [view, setView] = useUrlState('view', usualView)
  const [chosen, setChosen] = useChosenColumns(names.data)
  const word = columnsWord(chosen.map(({ id }) => id))
  const asked = { ...source, ...(word !== undefined && { columns: word }) }
  const list = useList<Run>({
    noun: 'run',
    input: asked,
    fetch: (page, options) => client.run.list({ ...page, ...asked }, options),
    enabled: names.data !== undefined || names.error !== null,
  })
  const columns = useTableColumns(chosen, list.rows)
  const isNarrow = useMedia('(max-width: 720px)')
  if (names.data?.runs === 0 && filter === '') return empty
  return (
    <>
      <div className="run-bar">
        <RunFilter value={filter} onApply={setFilter} names={names.data} error={filter === '' ? null : list.error} />
        <SegmentedControl
          aria-label="View"
          value={view}
          onChange={setView}
          data={runViews.map((one) => ({ ...one }))}
          fullWidth={isNarrow}
        />
        <span className="grow" />
        {view === 'table' && (
          <RunColumnChooser
            chosen={chosen}
            all={names.data}
            onChange={(next) => setChosen(writeColumns(next))}
            onReset={() => setChosen('')}
          />
        )}
        <Button
          component="a"
          href={exportAddress(source)}
          download
          title={`nabla runs export${filter === '' ? '' : ` --filter ${quote(filter)}`}`}
          leftSection={<Icon name="download" size={14} />}
        >
          CSV
        </Button>
      </div>
      <Shown {...{ list, view, filter, setFilter, order, setOrder, columns, source }} names={names.data ?? noNames} />
    </>
  )
}

function Shown(props: {
  list: LiveList<Run>
  view: string
  names: RunNames
  filter: string
  setFilter: (filter: string) => void
  order: string
  setOrder: (order: string) => void
  columns: ReturnType<typeof toTableColumns>
  source: RunSource
}): ReactNode {
  const { list, view, names, filter, setFilter, order, setOrder, columns, source } = props
  return list.error && list.rows.length === 0 ? (
    filter === '' && <ErrorState error={list.error} onRetry={list.retry} />
  ) : view === 'table' ? (
    <LiveTable runs={list.rows} metrics={names.metrics}>
      <RunTable
        list={list}
        columns={columns}
        order={order}
        onOrder={setOrder}
        empty={
          <EmptyState
            title="No run is like that."
            command={`runs list --filter ${quote(filter)}`}
            action={<Button onClick={() => setFilter('')}>Show all runs</Button>}
          />
        }
      />
    </LiveTable>
  ) : (
    <Suspense fallback={<Lines count={8} />}>
      {view === 'charts' ? (
        <ManyCharts runs={list.rows} isLoading={list.isLoading} metrics={names.metrics} />
      ) : (
        <AllPictures source={source} names={names} view={view as RunView} />
      )}
    </Suspense>
  )
}

/** Hands the cells of a table what runs log while they run. */
function LiveTable(props: { runs: readonly Run[]; metrics: readonly string[]; children: ReactNode }): ReactNode {
  const { runs, metrics, children } = props
  const running = runs.filter(({ state }) => !runStates[state].ended).map(({ id }) => id)
  const feed = useRunFeed(running, metrics)
  return <RunFeedContext value={feed}>{children}</RunFeedContext>
}

/** The columns of the table: those of the address, else what most want to see. */
function useChosenColumns(names: RunNames | undefined): [readonly ChosenColumn[], (text: string) => void] {
  const [text, setText] = useUrlState('cols')
  const chosen = useMemo(
    () => (text === '' ? usualColumns(names ?? { metrics: [], params: [] }) : readColumns(text)),
    [text, names],
  )
  return [chosen, setText]
}

function useTableColumns(chosen: readonly ChosenColumn[], runs: readonly Run[]): ReturnType<typeof toTableColumns> {
  // The first rows tell; a column that changed its side while one scrolls would be a nuisance.
  const words = [...wordColumns(chosen, runs.slice(0, 20))].join('\n')
  return useMemo(() => toTableColumns(chosen, new Set(words.split('\n'))), [chosen, words])
}

function ManyCharts(props: { runs: readonly Run[]; isLoading: boolean; metrics: readonly string[] }): ReactNode {
  const { runs, isLoading, metrics } = props
  const shown = runs.slice(0, mostCharted)
  const key = shown.map(({ id, state }) => `${id} ${state}`).join(',')
  const charted = useMemo(() => shown.map(toCharted), [key])
  if (isLoading) return <Lines count={8} />
  return (
    <>
      {runs.length > mostCharted && (
        <p className="muted run-note">
          The first {mostCharted} runs by the order of the table. Filter or sort to see others.
        </p>
      )}
      <RunCharts runs={charted} metrics={metrics} empty={<EmptyState title="No metric has been logged." />} />
    </>
  )
}

const noNames: RunNames = { metrics: [], params: [] }

function AllPictures({ source, names, view }: { source: RunSource; names: RunNames; view: RunView }): ReactNode {
  const search = useUrlSearch()
  const columns = columnsWord([...picturedFields(search, names), ...names.params.map((name) => `params.${name}`)])
  const query = useAllRuns({ ...source, ...(columns !== undefined && { columns }) })
  if (query.data === undefined) {
    return query.error ? <ErrorState error={query.error} onRetry={() => void query.refetch()} /> : <Lines count={8} />
  }
  return <RunPictures runs={query.data} names={names} view={view} />
}

/** What charts need of a run. */
export const toCharted = ({ id, name, startedAt, state }: Run) => ({
  id,
  name,
  startedAt,
  isRunning: !runStates[state].ended,
})

const exportAddress = (source: RunSource): string =>
  `/api/v1/run-export?${new URLSearchParams({ ...source }).toString()}`
