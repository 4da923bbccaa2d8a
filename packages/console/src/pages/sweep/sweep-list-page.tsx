import { Button } from '@mantine/core'
import type { ExperimentState, ExperimentSummary } from '@nabla/api/experiment'
import { experimentStates } from '@nabla/api/experiment-states'
import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { useApi } from '../../api/query.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { formatNumber } from '../../parts/chart.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { useUrlSearch } from '../../parts/url-state.ts'
import { ExperimentStateBadge } from '../experiment/experiment-state.tsx'
import { ProgressBar } from './sweep-progress.tsx'
import './sweep.css'

const columns: readonly Column<ExperimentSummary>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 2fr)', cell: ({ name }) => name },
  {
    id: 'state',
    title: 'State',
    width: '124px',
    card: 'fact',
    cell: (experiment) => <ExperimentStateBadge experiment={experiment} />,
  },
  {
    id: 'trials',
    title: 'Trials',
    width: 'minmax(120px, 1fr)',
    card: 'fact',
    cell: ({ id }) => <TrialsCell id={id} />,
  },
  { id: 'best', title: 'Best', width: 'minmax(120px, 1.2fr)', card: 'fact', cell: ({ id }) => <BestCell id={id} /> },
  {
    id: 'project',
    title: 'Project',
    width: 'minmax(80px, 1fr)',
    cell: ({ project }) => (
      <span dir="auto" title={project.name}>
        {project.name}
      </span>
    ),
  },
  {
    id: 'command',
    title: 'Command',
    width: 'minmax(120px, 2fr)',
    cell: ({ command }) =>
      command === '' ? (
        <span className="faint">programs elsewhere</span>
      ) : (
        <span className="mono" title={command}>
          {command}
        </span>
      ),
  },
  {
    id: 'started',
    title: 'Started',
    width: '84px',
    cell: ({ startedAt }) => startedAt !== null && <RelativeTime time={startedAt} />,
  },
  {
    id: 'duration',
    title: 'Duration',
    width: '84px',
    align: 'right',
    cell: ({ startedAt, endedAt }) => startedAt !== null && <Duration from={startedAt} to={endedAt} />,
  },
  {
    id: 'by',
    title: 'By',
    width: 'minmax(60px, 0.7fr)',
    cell: ({ createdBy }) => <span dir="auto">{createdBy.name}</span>,
  },
]

/** Only rows in sight are drawn, so only what they tell of is read. */
function TrialsCell({ id }: { id: string }): ReactNode {
  const { data } = useApi('sweep', 'show', { sweep: id })
  if (!data) return null
  const { complete, stopped, failed, most } = data.trials
  return (
    <span className="sweep-cell">
      <span className="number">
        {formatCount(complete + stopped + failed)} of {formatCount(most)}
      </span>
      <ProgressBar trials={data.trials} />
    </span>
  )
}

function BestCell({ id }: { id: string }): ReactNode {
  const { data } = useApi('sweep', 'show', { sweep: id })
  const [best] = data?.best ?? []
  if (!data || !best) return <span className="faint none">–</span>
  if (data.search.objectives.length > 1) return <span>{formatCount(data.best.length)} on the front</span>
  const { metric } = data.search.objectives[0]!
  return (
    <span className="number" title={metric}>
      <span className="muted">{metric}</span> {formatNumber(best.objectives?.[metric] ?? Number.NaN)}
    </span>
  )
}

/** The sweeps of the team, newest first. */
export function SweepListPage(): ReactNode {
  const search = useUrlSearch()
  const word = (key: string) => [search[key]].flat()[0]
  const [project, name, state] = [word('project'), word('name'), word('state')]
  const filter = {
    kind: 'sweep' as const,
    ...(project !== undefined && { project }),
    ...(name !== undefined && { name }),
    ...(state !== undefined && Object.hasOwn(experimentStates, state) && { state: state as ExperimentState }),
  }
  const list = useList<ExperimentSummary>({
    noun: 'experiment',
    input: filter,
    fetch: (page, options) => client.experiment.list({ ...page, ...filter }, options),
  })
  const isFiltered = Object.keys(filter).length > 1
  return (
    <>
      <PageHeader title="Sweeps" crumbs={crumbs} actions={<NewSweepButton />} />
      <DataTable
        id="sweep"
        label="Sweeps"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ id }) => `/sweeps/${id}`}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, state:"
            filters={[
              { key: 'project', label: 'Project' },
              {
                key: 'state',
                label: 'State',
                options: Object.entries(experimentStates).map(([value, { label }]) => ({ value, label })),
              },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={
          isFiltered ? (
            <NothingLikeThat
              noun="sweep"
              command="sweep list"
              keys={['name', 'project', 'state']}
              flags={['project']}
            />
          ) : (
            <EmptyState
              title="No sweeps yet. One runs a command with many values of its parameters, and tells which were best."
              command="sweep run --param rate=1e-4..1:log --minimize loss -- 'python train.py {{args}}'"
              action={<NewSweepButton />}
            />
          )
        }
      />
    </>
  )
}

const crumbs = [{ label: 'Experiments', to: '/experiments' }]

function NewSweepButton(): ReactNode {
  const navigate = useNavigate()
  return (
    <Button
      variant="filled"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: '/sweeps/new' })}
    >
      New sweep
    </Button>
  )
}
