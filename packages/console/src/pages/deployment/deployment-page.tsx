import { Button } from '@mantine/core'
import type { Deployment } from '@nabla/api/deployment'
import { deploymentStates } from '@nabla/api/deployment-states'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { client } from '../../api/client.ts'
import { useLiveEvents } from '../../api/live.ts'
import { useApi } from '../../api/query.ts'
import { type Action, useAction } from '../../parts/action.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { Duration } from '../../parts/amount.tsx'
import { CopyId, CopyText } from '../../parts/copy.tsx'
import { Icon } from '../../parts/icon.tsx'
import { openTab } from '../../parts/open-tab.ts'
import { PageHeader, Panel } from '../../parts/page-header.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { type AskedOfDeployment, deploymentActions } from './deployment-actions.ts'
import { DeploymentDialog, useDeploymentRun } from './deployment-dialogs.tsx'
import { DeploymentStateBadge } from './deployment-state.tsx'
import { Instances } from './instances.tsx'
import { RequestForm } from './request-form.tsx'
import { Revisions } from './revisions.tsx'
import './deployment.css'

const DeploymentRecord = lazy(() =>
  import('./deployment-record.tsx').then(({ DeploymentRecord }) => ({ default: DeploymentRecord })),
)
const DeploymentCharts = lazy(() =>
  import('./deployment-charts.tsx').then(({ DeploymentCharts }) => ({ default: DeploymentCharts })),
)
const InstanceLog = lazy(() => import('./instance-log.tsx').then(({ InstanceLog }) => ({ default: InstanceLog })))

const route = getRouteApi('/shell/deployments/$deployment')
const plainCrumbs = [{ label: 'Deployments', to: '/deployments' }]

/** One deployment: is it well, who answers, how fast, and how it came to be so. */
export function DeploymentPage(): ReactNode {
  const { deployment: reference } = route.useParams()
  const query = useApi('deployment', 'show', { deployment: reference })
  const deployment = query.data
  const [asked, ask] = useState<AskedOfDeployment>()
  const isGone = useLiveDeployment(deployment, () => void query.refetch())
  const navigate = useNavigate()
  const go = (to: string) => void navigate({ to: to as never })
  const run = useDeploymentRun()
  const open = useOpen(deployment)
  const actions = deployment && !isGone ? [...open, ...deploymentActions(deployment, { go, ask, run })] : []
  usePaletteActions(deployment?.name ?? reference, actions)
  return (
    <>
      <PageHeader
        title={deployment?.name ?? reference}
        crumbs={deployment ? crumbsOf(deployment) : plainCrumbs}
        badge={
          deployment && (
            <span role="status">
              <DeploymentStateBadge deployment={deployment} />
            </span>
          )
        }
        actions={actions.length > 0 && <HeadActions actions={actions} />}
      >
        {deployment && <DeploymentFacts deployment={deployment} />}
      </PageHeader>
      {isGone ? (
        <EmptyState title="This deployment was deleted." command="deployment list" />
      ) : (
        <Loaded query={query}>{(found) => <Body key={found.id} deployment={found} actions={actions} />}</Loaded>
      )}
      <DeploymentDialog asked={asked} onClose={() => ask(undefined)} onDeleted={() => go('/deployments')} />
    </>
  )
}

const crumbsOf = ({ project: { name } }: Deployment) => [
  { label: 'Projects', to: '/projects' },
  { label: name, to: `/projects/${encodeURIComponent(name)}?tab=deployments` },
]

/** Reads it again when one of its instances has changed; tells whether somebody has deleted it. */
function useLiveDeployment(deployment: Deployment | undefined, readAgain: () => void): boolean {
  const [gone, setGone] = useState<string>()
  useLiveEvents(({ type, subject, projectId }) => {
    if (type === 'deployment.deleted' && subject === deployment?.id) setGone(subject)
    else if (type.startsWith('instance.') && projectId === deployment?.project.id) readAgain()
  })
  return deployment !== undefined && gone === deployment.id
}

/** Opens what it serves in a tab of its own, where the server has a way there. */
function useOpen(deployment: Deployment | undefined): Action[] {
  const open = useAction({
    run: (id: string) => openTab(() => client.deployment.open({ deployment: id, body: {} })),
  })
  if (!deployment || deployment.address === null) return []
  return [
    {
      label: 'Open',
      icon: 'external',
      command: `deployment open ${deployment.name}`,
      unavailable: deploymentStates[deployment.state].serving ? undefined : 'It does not answer now.',
      run: () => open.run(deployment.id),
    },
  ]
}

const buttons = ['Start', 'Promote', 'Open', 'Scale', 'Change']
const mostButtons = 3

/** What one most likely wants is a button; the rest is in the menu. */
function HeadActions({ actions }: { actions: readonly Action[] }): ReactNode {
  const shown = actions.filter(({ label, unavailable }) => unavailable === undefined && buttons.includes(label))
  return (
    <>
      {shown.slice(0, mostButtons).map((action) => (
        <Button
          key={action.label}
          leftSection={action.icon && <Icon name={action.icon} size={14} />}
          onClick={() => action.run()}
          title={action.command && `nabla ${action.command}`}
          {...(action.label === 'Start' || action.label === 'Promote' ? { variant: 'filled' } : {})}
        >
          {action.label}
        </Button>
      ))}
      <ActionsMenu actions={actions} label="More actions" />
    </>
  )
}

function DeploymentFacts({ deployment }: { deployment: Deployment }): ReactNode {
  const { instances, revision, serving, startedAt, spec, createdBy, tags, state } = deployment
  return (
    <>
      <span className="number">
        {instances.ready} of {instances.wanted} ready
      </span>
      <span className="number">
        {serving === null || serving === revision
          ? `revision ${revision}`
          : `revision ${serving} answers, newest is ${revision}`}
      </span>
      <span>{spec.model ?? (spec.image === 'host' ? 'a command' : spec.image)}</span>
      {startedAt !== null && (
        <span>
          {state === 'starting' ? 'starting' : 'up'} for <Duration from={startedAt} to={null} />
        </span>
      )}
      <span>
        by <span dir="auto">{createdBy.name}</span>
      </span>
      {tags.length > 0 && <span dir="auto">{tags.join(', ')}</span>}
      <CopyId value={deployment.id} />
    </>
  )
}

const waiting = (
  <div className="panel panel-body">
    <Lines count={8} />
  </div>
)

function Body({ deployment, actions }: { deployment: Deployment; actions: readonly Action[] }): ReactNode {
  const { state, reason, path, spec, instances, revision } = deployment
  const isBad = state === 'failed' || state === 'degraded'
  return (
    <>
      {(reason !== null || state === 'sleeping') && deployment.rollout?.reason == null && (
        <p className={isBad ? 'deployment-reason deployment-bad' : 'deployment-reason'}>
          {isBad && <Icon name="warning" />}
          <span>{reason ?? deploymentStates[state].about}</span>
        </p>
      )}
      <div className="deployment-address">
        <CopyText value={`${location.origin}${path}`} label="Address for programs" />
        <span className="muted">{whoMay[spec.auth.kind]}</span>
      </div>
      <Rollout deployment={deployment} actions={actions} />
      <Tabs
        label="Deployment"
        tabs={[
          {
            id: 'charts',
            label: 'Requests',
            content: () => (
              <Suspense fallback={waiting}>
                <DeploymentCharts deployment={deployment} />
              </Suspense>
            ),
          },
          { id: 'try', label: 'Try it', content: () => <RequestForm deployment={deployment} /> },
          {
            id: 'instances',
            label: 'Instances',
            count: instances.all,
            content: () => <Instances deployment={deployment} />,
          },
          {
            id: 'logs',
            label: 'Logs',
            content: () => (
              <Suspense fallback={waiting}>
                <InstanceLog deployment={deployment} />
              </Suspense>
            ),
          },
          {
            id: 'revisions',
            label: 'Revisions',
            count: revision,
            content: () => <Revisions deployment={deployment} />,
          },
          {
            id: 'record',
            label: 'Settings',
            content: () => (
              <Suspense fallback={waiting}>
                <DeploymentRecord deployment={deployment} />
              </Suspense>
            ),
          },
        ]}
      />
    </>
  )
}

const whoMay = {
  keys: 'API keys of the team may send requests.',
  basic: 'Those with its name and password may send requests, and API keys of the team.',
  public: 'Anyone who reaches this server may send requests.',
}

/** How far the newest revision is, unless it answers all requests. */
function Rollout({ deployment, actions }: { deployment: Deployment; actions: readonly Action[] }): ReactNode {
  const { rollout, serving, shadow } = deployment
  if (rollout === null) return null
  const offered = actions.filter(
    ({ label, unavailable }) => (label === 'Promote' || label === 'Roll back') && unavailable === undefined,
  )
  const answering = serving === null ? 'Nothing answers yet.' : `Revision ${serving} goes on answering.`
  const title =
    rollout.state === 'failed'
      ? `Revision ${rollout.revision} did not take over. ${answering}`
      : rollout.state === 'canary'
        ? shadow
          ? `Revision ${rollout.revision} gets copies of requests, and nobody its answers.`
          : `Revision ${rollout.revision} answers ${rollout.canaryPercent} % of the requests.`
        : `Revision ${rollout.revision} is being rolled out. ${answering}`
  return (
    <div className="deployment-rollout">
      <Panel
        title={rollout.state === 'failed' ? 'Rollout failed' : 'Rollout'}
        actions={offered.map((action) => (
          <Button key={action.label} size="compact-sm" onClick={() => action.run()} title={`nabla ${action.command}`}>
            {action.label}
          </Button>
        ))}
      >
        <p className={rollout.state === 'failed' ? 'deployment-bad' : undefined}>
          {rollout.state === 'failed' && <Icon name="warning" />} {title}
        </p>
        {rollout.reason !== null && <p className="muted">{rollout.reason}</p>}
        {rollout.lastLines.length > 0 && (
          <pre className="deployment-lines" tabIndex={0} aria-label="The last lines of its log">
            {rollout.lastLines.join('\n')}
          </pre>
        )}
      </Panel>
    </div>
  )
}
