import { Button } from '@mantine/core'
import type { Workflow } from '@nabla/api/workflow'
import { Link, useNavigate } from '@tanstack/react-router'
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
import { PageHeader } from '../../parts/page-header.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { Tags } from '../../parts/tags.tsx'
import { useUrlSearch } from '../../parts/url-state.ts'
import { type AskedOfWorkflow, workflowActions, WorkflowDialog } from './workflow-dialogs.tsx'
import { runAddress, RunStateBadge } from './workflow-words.tsx'
import './workflow.css'

const columns: readonly Column<Workflow>[] = [
  { id: 'name', title: 'Name', width: 'minmax(140px, 2fr)', cell: ({ name }) => name },
  {
    id: 'state',
    title: 'Newest run',
    width: 'minmax(140px, 1fr)',
    card: 'fact',
    cell: ({ latest }) =>
      latest === null ? (
        <span className="muted">not run yet</span>
      ) : (
        <Link to={runAddress(latest) as never} className="workflow-newest">
          <RunStateBadge run={latest} /> <span className="muted number">run {latest.number}</span>
        </Link>
      ),
  },
  {
    id: 'jobs',
    title: 'Jobs',
    width: '80px',
    align: 'right',
    cell: ({ latest }) => latest !== null && `${latest.jobs.ended} of ${latest.jobs.total}`,
  },
  { id: 'runs', title: 'Runs', width: '64px', align: 'right', cell: ({ runs }) => formatCount(runs) },
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
    id: 'begun',
    title: 'Started',
    width: '96px',
    card: 'fact',
    cell: ({ latest }) => latest !== null && <RelativeTime time={latest.createdAt} />,
  },
  {
    id: 'duration',
    title: 'Duration',
    width: '84px',
    align: 'right',
    card: 'fact',
    cell: ({ latest }) => latest?.startedAt != null && <Duration from={latest.startedAt} to={latest.endedAt} />,
  },
  {
    id: 'tags',
    title: 'Tags',
    width: 'minmax(60px, 0.8fr)',
    cell: ({ tags }) => <Tags tags={tags} />,
  },
  { id: 'id', title: 'Id', width: '190px', hidden: true, cell: ({ id }) => <CopyId value={id} /> },
]

/** The workflows of the team, newest first. */
export function WorkflowListPage(): ReactNode {
  const search = useUrlSearch()
  const word = (key: string) => [search[key]].flat()[0]
  const [project, tag, name] = [word('project'), word('tag'), word('name')]
  const filter = {
    ...(project !== undefined && { project }),
    ...(tag !== undefined && { tag }),
    ...(name !== undefined && { name }),
  }
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const [asked, setAsked] = useState<AskedOfWorkflow>()
  const list = useList<Workflow>({
    noun: 'workflow',
    input: filter,
    fetch: (page, options) => client.workflow.list({ ...page, ...filter }, options),
    // What happens to a run changes the row of its workflow.
    touches: ({ type, data }) =>
      type.startsWith('workflow.run_') && typeof data['workflow'] === 'string' ? data['workflow'] : null,
  })
  const newRun = (
    <Button variant="filled" leftSection={<Icon name="plus" size={14} />} onClick={() => go('/workflows/new')}>
      New workflow
    </Button>
  )
  return (
    <>
      <PageHeader title="Workflows" actions={newRun} />
      <DataTable
        id="workflow"
        label="Workflows"
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        rowLabel={({ name }) => name}
        href={({ id }) => `/workflows/${id}`}
        actions={(workflow) => workflowActions(workflow, { go, ask: setAsked })}
        toolbar={(chooser) => (
          <FilterBar
            searchKey="name"
            placeholder="Name begins with, tag:, project:"
            filters={[
              { key: 'project', label: 'Project' },
              { key: 'tag', label: 'Tag' },
            ]}
          >
            {chooser}
          </FilterBar>
        )}
        empty={
          Object.keys(filter).length > 0 ? (
            <NothingLikeThat noun="workflow" command="workflow list" keys={['name', 'tag', 'project']} />
          ) : (
            <EmptyState
              title="No workflows yet. One is jobs that wait for one another and hand files on."
              command="workflow run -f flow.yaml"
              action={newRun}
            />
          )
        }
      />
      <WorkflowDialog asked={asked} onClose={() => setAsked(undefined)} />
    </>
  )
}
