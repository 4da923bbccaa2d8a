import { Button } from '@mantine/core'
import type { Workflow, WorkflowRunSummary } from '@nabla/api/workflow'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { client } from '../../api/client.ts'
import { useList } from '../../api/list.ts'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { plural } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { PageHeader } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { TagLinks } from '../../parts/tags.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { type AskedOfWorkflow, workflowActions, WorkflowDialog } from './workflow-dialogs.tsx'
import { runAddress, RunStateBadge } from './workflow-words.tsx'
import './workflow.css'

const route = getRouteApi('/shell/workflows/$workflow')
const crumbs = [{ label: 'Workflows', to: '/workflows' }]

/** One workflow with its runs. */
export function WorkflowPage(): ReactNode {
  const { workflow: reference } = route.useParams()
  const query = useApi('workflow', 'show', { workflow: reference })
  const workflow = query.data
  const [asked, setAsked] = useState<AskedOfWorkflow>()
  const [isGone, setGone] = useState(false)
  useLiveEvents(({ type, subject, data }) => {
    if (type === 'workflow.deleted' && subject === workflow?.id) setGone(true)
    else if (type.startsWith('workflow.run_') && data['workflow'] === workflow?.id) void query.refetch()
  })
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const actions = workflow && !isGone ? workflowActions(workflow, { go, ask: setAsked }) : []
  usePaletteActions(workflow?.name ?? reference, actions)
  return (
    <>
      <PageHeader
        title={workflow?.name ?? reference}
        crumbs={crumbs}
        badge={
          workflow?.latest && (
            <span role="status">
              <RunStateBadge run={workflow.latest} />
            </span>
          )
        }
        actions={
          actions.length > 0 && (
            <>
              <Button
                variant="filled"
                leftSection={<Icon name="play" size={14} />}
                onClick={() => actions[0]?.run()}
                title={`nabla ${actions[0]?.command ?? ''}`}
              >
                Run
              </Button>
              <ActionsMenu actions={actions} label="More actions" />
            </>
          )
        }
      >
        {workflow && <WorkflowFacts workflow={workflow} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This workflow was deleted, with its runs." command="workflow list" />
      ) : (
        <Loaded query={query}>{(found) => <RunList key={found.id} workflow={found} />}</Loaded>
      )}
      <WorkflowDialog asked={asked} onClose={() => setAsked(undefined)} onDeleted={() => go('/workflows')} />
    </>
  )
}

function WorkflowFacts({ workflow }: { workflow: Workflow }): ReactNode {
  const { project, createdAt, createdBy, runs, tags, id } = workflow
  return (
    <>
      <span>
        in{' '}
        <Link to={`/projects/${encodeURIComponent(project.name)}` as never} dir="auto">
          {project.name}
        </Link>
      </span>
      <span>{plural(runs, 'run')}</span>
      <span>
        made <RelativeTime time={createdAt} /> by <span dir="auto">{createdBy.name}</span>
      </span>
      <TagLinks tags={tags} to="/workflows" />
      <CopyId value={id} />
    </>
  )
}

const columns: readonly Column<WorkflowRunSummary>[] = [
  { id: 'run', title: 'Run', width: '72px', cell: ({ number }) => `Run ${number}` },
  { id: 'state', title: 'State', width: '124px', card: 'fact', cell: (run) => <RunStateBadge run={run} /> },
  {
    id: 'jobs',
    title: 'Jobs',
    width: '80px',
    align: 'right',
    card: 'fact',
    cell: ({ jobs }) => `${jobs.ended} of ${jobs.total}`,
  },
  {
    id: 'reason',
    title: 'Why',
    width: 'minmax(0, 3fr)',
    cell: ({ reason }) => (
      <span className="muted" title={reason ?? undefined}>
        {reason}
      </span>
    ),
  },
  {
    id: 'by',
    title: 'By',
    width: 'minmax(60px, 1fr)',
    cell: ({ startedBy }) => <span dir="auto">{startedBy.name}</span>,
  },
  { id: 'begun', title: 'Started', width: '96px', cell: ({ createdAt }) => <RelativeTime time={createdAt} /> },
  {
    id: 'duration',
    title: 'Duration',
    width: '84px',
    align: 'right',
    card: 'fact',
    cell: ({ startedAt, endedAt }) => startedAt !== null && <Duration from={startedAt} to={endedAt} />,
  },
]

function RunList({ workflow }: { workflow: Workflow }): ReactNode {
  const { id, name } = workflow
  const list = useList<WorkflowRunSummary>({
    noun: 'workflow',
    input: { runsOf: id },
    fetch: (page, options) => client.workflow.runs({ ...page, workflow: id }, options),
  })
  return (
    <DataTable
      id="workflow-run"
      label={`Runs of ${name}`}
      list={list}
      columns={columns}
      rowKey={(run) => run.id}
      rowLabel={({ number }) => `Run ${number}`}
      href={runAddress}
      empty={<EmptyState title="It has not run yet." command={`workflow run ${quote(name)} -f flow.yaml`} />}
    />
  )
}
