import { Button } from '@mantine/core'
import type { ExperimentState, ExperimentSummary } from '@nabla/api/experiment'
import { experimentKinds, experimentSchemes, experimentStates } from '@nabla/api/experiment-states'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { NothingLikeThat } from '../../parts/nothing-like-that.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlSearch } from '../../parts/url-state.ts'
import { type AskedOfExperiment, experimentActions } from './experiment-actions.ts'
import { ExperimentDialog, useExperimentStart } from './experiment-dialogs.tsx'
import { ExperimentStateBadge } from './experiment-state.tsx'
import './experiment.css'

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
    id: 'kind',
    title: 'Kind',
    width: 'minmax(130px, 1fr)',
    card: 'fact',
    cell: ({ kind, scheme }) => kindOf(kind, scheme),
  },
  { id: 'nodes', title: 'Nodes', width: '56px', align: 'right', cell: ({ nodes }) => formatCount(nodes) },
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
    width: 'minmax(120px, 3fr)',
    cell: ({ command }) => (
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
    card: 'fact',
    cell: ({ startedAt, endedAt }) => startedAt !== null && <Duration from={startedAt} to={endedAt} />,
  },
  {
    id: 'by',
    title: 'By',
    width: 'minmax(60px, 0.7fr)',
    cell: ({ createdBy }) => <span dir="auto">{createdBy.name}</span>,
  },
  {
    id: 'tags',
    title: 'Tags',
    width: 'minmax(60px, 0.8fr)',
    cell: ({ tags }) => <Tags tags={tags} />,
  },
  {
    id: 'created',
    title: 'Created',
    width: '84px',
    hidden: true,
    cell: ({ createdAt }) => <RelativeTime time={createdAt} />,
  },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

/** `Single node`, `Multi-node, PyTorch`. */
export function kindOf(kind: ExperimentSummary['kind'], scheme: ExperimentSummary['scheme']): string {
  const { label } = experimentKinds[kind]
  return scheme === null ? label : `${label}, ${experimentSchemes[scheme].label}`
}

/** The experiments of the team, newest first; or those of one project. */
export function ExperimentList({ project: fixed }: { project?: string }): ReactNode {
  const search = useUrlSearch()
  const word = (key: string) => [search[key]].flat()[0]
  const [project, tag, name, state] = [fixed ?? word('project'), word('tag'), word('name'), word('state')]
  const filter = {
    ...(project !== undefined && { project }),
    ...(tag !== undefined && { tag }),
    ...(name !== undefined && { name }),
    ...(state !== undefined && Object.hasOwn(experimentStates, state) && { state: state as ExperimentState }),
  }
  const isFiltered = Object.keys(filter).length > (fixed === undefined ? 0 : 1)
  const navigate = useNavigate()
  const [asked, setAsked] = useState<AskedOfExperiment>()
  const go = (to: string) => void navigate({ to: to as never })
  const starting = useExperimentStart(go)
  const list = useList<ExperimentSummary>({
    noun: 'experiment',
    input: filter,
    fetch: (page, options) => client.experiment.list({ ...page, ...filter }, options),
  })
  return (
    <>
      <DataTable
        id="experiment"
        label="Experiments"
        list={list}
        columns={fixed === undefined ? columns : columns.filter(({ id }) => id !== 'project')}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ id, kind }) => `/${kind === 'sweep' ? 'sweeps' : 'experiments'}/${id}`}
        actions={(experiment) => experimentActions(experiment, { go, ask: setAsked, ...starting })}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, tag:, state:"
            filters={[
              ...(fixed === undefined ? [{ key: 'project', label: 'Project' }] : []),
              { key: 'tag', label: 'Tag' },
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
            <NothingLikeThat noun="experiment" command="experiment list" keys={['name', 'tag', 'project', 'state']} />
          ) : (
            <EmptyState
              title="No experiments yet. One is a job whose parameters and metrics are kept, or many that start together."
              command="experiment run -- python train.py"
              action={<NewExperimentButton project={fixed} />}
            />
          )
        }
      />
      <ExperimentDialog asked={asked} onClose={() => setAsked(undefined)} />
    </>
  )
}

/** Leads to the builder. */
export function NewExperimentButton({ project }: { project?: string | undefined }): ReactNode {
  const navigate = useNavigate()
  const to = project === undefined ? '/experiments/new' : `/experiments/new?project=${encodeURIComponent(project)}`
  return (
    <Button
      variant="filled"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: to as never })}
    >
      New experiment
    </Button>
  )
}
