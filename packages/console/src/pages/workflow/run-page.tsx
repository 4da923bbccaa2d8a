import { Button } from '@mantine/core'
import type { WorkflowRun } from '@nabla/api/workflow'
import { workflowRunCan, workflowRunStates } from '@nabla/api/workflow-states'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration, RelativeTime } from '../../parts/amount.tsx'
import { CommandLine, CopyId } from '../../parts/copy.tsx'
import { Icon } from '../../parts/icon.tsx'
import { Facts, PageHeader, Panel } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { toYaml } from '../../parts/yaml.ts'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { RunGraph } from './run-graph.tsx'
import { RunJob } from './run-job.tsx'
import { runAddress, RunStateBadge } from './workflow-words.tsx'
import '../../parts/text-panel.css'
import './workflow.css'

const route = getRouteApi('/shell/workflows/$workflow/runs/$number')
const plainCrumbs = [{ label: 'Workflows', to: '/workflows' }]

/** One run of a workflow: its graph, what each job left and wrote, and what was run. */
export function WorkflowRunPage(): ReactNode {
  const { workflow, number } = route.useParams()
  const query = useApi('workflow', 'showRun', { workflow, number: Number(number) })
  const run = query.data
  useLiveEvents(({ type, subject }) => {
    if (type.startsWith('workflow.run_') && subject === run?.id) void query.refetch()
  })
  const actions = useRunActions(run)
  usePaletteActions(run ? `${run.workflow.name}, run ${run.number}` : number, actions)
  return (
    <>
      <PageHeader
        title={`Run ${number}`}
        crumbs={run ? [...plainCrumbs, { label: run.workflow.name, to: `/workflows/${run.workflow.id}` }] : plainCrumbs}
        badge={
          run && (
            <span role="status">
              <RunStateBadge run={run} />
            </span>
          )
        }
        actions={actions.length > 0 && <HeadActions actions={actions} />}
      >
        {run && <RunFacts run={run} />}
      </PageHeader>
      <Loaded query={query}>{(found) => <RunBody run={found} />}</Loaded>
    </>
  )
}

/** What can be done with a run: on its page and in the palette. */
function useRunActions(run: WorkflowRun | undefined): Action[] {
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const stop = useAction({
    run: ({ workflow, number }: WorkflowRun) => client.workflow.stopRun({ workflow: workflow.id, number, body: {} }),
    done: ({ number }) => `Stopping run ${number}`,
    changes: ['workflow', 'job'],
  })
  const rerun = useAction({
    run: ({ workflow, number, fromFailed }: { workflow: { id: string }; number: number; fromFailed: boolean }) =>
      client.workflow.rerun({ workflow: workflow.id, number, body: { fromFailed } }),
    done: ({ number }) => `Run ${number} has begun`,
    changes: ['workflow'],
  })
  if (!run) return []
  const { workflow, number, state, stopRequestedAt } = run
  const can = (action: keyof typeof workflowRunCan) => (workflowRunCan[action] as readonly string[]).includes(state)
  const again = async (fromFailed: boolean) => {
    const begun = await rerun.run({ workflow, number, fromFailed })
    if (begun) go(runAddress(begun))
  }
  const whyNotStop = stopRequestedAt !== null && !can('rerun') ? 'It is being stopped.' : 'It has ended.'
  return [
    {
      label: 'Stop',
      icon: 'stop',
      command: `workflow stop ${workflow.id} ${number}`,
      unavailable: can('stop') && stopRequestedAt === null ? undefined : whyNotStop,
      run: () => void stop.run(run),
    },
    {
      label: 'Run again',
      icon: 'retry',
      command: `workflow rerun ${workflow.id} ${number}`,
      run: () => void again(false),
    },
    {
      label: 'Run again from where it failed',
      icon: 'retry',
      command: `workflow rerun ${workflow.id} ${number} --from-failed`,
      unavailable: state === 'failed' || state === 'cancelled' ? undefined : 'It has not failed.',
      run: () => void again(true),
    },
    {
      label: 'Run with changes',
      icon: 'edit',
      command: `workflow run ${quote(workflow.name)} -f FILE`,
      run: () => go(`/workflows/new?workflow=${workflow.id}&run=${number}`),
    },
  ]
}

function HeadActions({ actions }: { actions: readonly Action[] }): ReactNode {
  return (
    <>
      {actions
        .filter(({ label, unavailable }) => unavailable === undefined && (label === 'Stop' || label === 'Run again'))
        .map((action) => (
          <Button
            key={action.label}
            leftSection={action.icon && <Icon name={action.icon} size={14} />}
            onClick={() => action.run()}
            title={`nabla ${action.command ?? ''}`}
          >
            {action.label}
          </Button>
        ))}
      <ActionsMenu actions={actions} label="More actions" />
    </>
  )
}

function RunFacts({ run }: { run: WorkflowRun }): ReactNode {
  const { startedAt, endedAt, createdAt, startedBy, rerunOf, workflow, id } = run
  return (
    <>
      <span>
        {startedAt === null ? (
          <>
            begun <RelativeTime time={createdAt} />
          </>
        ) : endedAt === null ? (
          <>
            running for <Duration from={startedAt} to={null} />
          </>
        ) : (
          <>
            took <Duration from={startedAt} to={endedAt} />, ended <RelativeTime time={endedAt} />
          </>
        )}
      </span>
      <span>
        by <span dir="auto">{startedBy.name}</span>
      </span>
      {rerunOf !== null && (
        <span>
          another go of <Link to={`/workflows/${workflow.id}/runs/${rerunOf}` as never}>run {rerunOf}</Link>
        </span>
      )}
      <CopyId value={id} />
    </>
  )
}

function RunBody({ run }: { run: WorkflowRun }): ReactNode {
  const { state, reason, jobs } = run
  const [wanted, choose] = useUrlState('job')
  // What failed is what one looks for; else what runs.
  const usual = jobs.find((job) => job.state === 'failed') ?? jobs.find((job) => job.state === 'running') ?? jobs[0]
  const chosen = jobs.find(({ name }) => name === wanted) ?? usual
  const said = reason ?? (workflowRunStates[state].ended ? '' : workflowRunStates[state].about)
  return (
    <>
      {said !== '' && (
        <p className={state === 'failed' ? 'workflow-reason workflow-bad' : 'workflow-reason'}>
          {state === 'failed' && <Icon name="warning" />}
          <span>{said}</span>
        </p>
      )}
      <Tabs
        label="Run"
        tabs={[
          {
            id: 'graph',
            label: 'Graph',
            content: () => (
              <div className="stack">
                <RunGraph jobs={jobs} chosen={chosen?.name ?? ''} onChoose={choose} />
                {chosen && <RunJob key={chosen.name} run={run} job={chosen} />}
              </div>
            ),
          },
          { id: 'record', label: 'Record', content: () => <RunRecord run={run} /> },
        ]}
      />
    </>
  )
}

/** What was run, as it was when the run was begun. */
function RunRecord({ run }: { run: WorkflowRun }): ReactNode {
  const inputs = Object.entries(run.inputs)
  return (
    <div className="stack">
      {inputs.length > 0 && (
        <Panel title="Inputs">
          <Facts
            facts={inputs.map(([name, value]) => [
              name,
              <bdi key={name} className="workflow-value">
                {value}
              </bdi>,
            ])}
          />
        </Panel>
      )}
      <Panel title="File">
        <div className="stack">
          <pre className="text-panel workflow-file" tabIndex={0} aria-label="File">
            {toYaml(run.spec).trimStart()}
          </pre>
          <CommandLine line={`workflow run ${quote(run.workflow.name)} -f flow.yaml`} label="With a file of it" />
        </div>
      </Panel>
    </div>
  )
}
