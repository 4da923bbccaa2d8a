import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import type { Project } from '@nabla/api/project'
import { useApi } from '../../api/query.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { RelativeTime } from '../../parts/amount.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Lines, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { EventLine } from '../event/event-line.tsx'
import { useEvents } from '../event/use-events.ts'
import { JobList, NewJobButton } from '../job/job-list.tsx'
import { projectActions } from './actions.ts'
import { DeleteProject } from './delete-project.tsx'
import { ProjectArtifacts } from './project-artifacts.tsx'
import { ProjectForm } from './project-form.tsx'
import { ProjectSecrets } from './project-secrets.tsx'
import { ProjectSettings } from './project-settings.tsx'
import './project.css'

const ExperimentList = lazy(() =>
  import('../experiment/experiment-list.tsx').then(({ ExperimentList }) => ({ default: ExperimentList })),
)
const DeploymentList = lazy(() =>
  import('../deployment/deployment-list.tsx').then(({ DeploymentList }) => ({ default: DeploymentList })),
)
const ProjectRuns = lazy(() => import('./project-runs.tsx').then(({ ProjectRuns }) => ({ default: ProjectRuns })))

const route = getRouteApi('/shell/projects/$project')
const crumbs = [{ label: 'Projects', to: '/projects' }]

/** One project: its jobs, what they left, what happened in it, and what it is set to. */
export function ProjectPage(): ReactNode {
  const { project: name } = route.useParams()
  const query = useApi('project', 'show', { project: name })
  const [open, setOpen] = useState<'change' | 'delete'>()
  const navigate = useNavigate()
  const actions = query.data ? projectActions(query.data, setOpen) : []
  usePaletteActions(name, actions)
  return (
    <>
      <PageHeader
        title={query.data?.name ?? name}
        crumbs={crumbs}
        badge={query.data && query.data.jobs.active > 0 && <Active count={query.data.jobs.active} />}
        actions={
          query.data && (
            <>
              <NewJobButton project={query.data.name} />
              <ActionsMenu actions={actions} label={`Actions for ${name}`} />
            </>
          )
        }
      >
        {query.data && <HeadFacts project={query.data} />}
      </PageHeader>
      <Loaded query={query}>
        {(project) => (
          <>
            <ProjectTabs project={project} open={setOpen} />
            {open === 'change' && (
              <ProjectForm
                project={project}
                onClose={() => setOpen(undefined)}
                onSaved={({ name }) => void navigate({ to: '/projects/$project', params: { project: name } })}
              />
            )}
            {open === 'delete' && (
              <DeleteProject
                project={project}
                onClose={() => setOpen(undefined)}
                onDeleted={() => void navigate({ to: '/projects' })}
              />
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

/** Tags that are drawn beside the name; the others are on hover. */
const mostTags = 8

function HeadFacts({ project: { jobs, tags, createdAt } }: { project: Project }): ReactNode {
  return (
    <>
      <span className="number">{plural(jobs.total, 'job')}</span>
      <span>
        made <RelativeTime time={createdAt} />
      </span>
      {tags.length > 0 && (
        <span className="project-tags" title={tags.join(', ')}>
          {tags.slice(0, mostTags).map((tag) => (
            <span key={tag} className="project-tag ellipsis" dir="auto">
              {tag}
            </span>
          ))}
          {tags.length > mostTags && <span className="faint">+{tags.length - mostTags}</span>}
        </span>
      )}
    </>
  )
}

function ProjectTabs(props: { project: Project; open: (form: 'change' | 'delete') => void }): ReactNode {
  const { project, open } = props
  return (
    <Tabs
      label="Project"
      tabs={[
        { id: 'jobs', label: 'Jobs', count: project.jobs.total, content: () => <JobList project={project.name} /> },
        {
          id: 'experiments',
          label: 'Experiments',
          content: () => (
            <Suspense fallback={<Lines count={6} />}>
              <ExperimentList project={project.name} />
            </Suspense>
          ),
        },
        {
          id: 'runs',
          label: 'Runs',
          content: () => (
            <Suspense fallback={<Lines count={6} />}>
              <ProjectRuns project={project} />
            </Suspense>
          ),
        },
        {
          id: 'deployments',
          label: 'Deployments',
          content: () => (
            <Suspense fallback={<Lines count={6} />}>
              <DeploymentList project={project.name} />
            </Suspense>
          ),
        },
        { id: 'artifacts', label: 'Artifacts', content: () => <ProjectArtifacts project={project} /> },
        { id: 'activity', label: 'Activity', content: () => <Activity project={project} /> },
        { id: 'secrets', label: 'Secrets', content: () => <ProjectSecrets project={project} /> },
        { id: 'settings', label: 'Settings', content: () => <ProjectSettings project={project} open={open} /> },
      ]}
    />
  )
}

function Active({ count }: { count: number }): ReactNode {
  return <StateBadge state="running" label={`${formatCount(count)} active`} />
}

/** As many as the API gives at once. */
const mostEvents = 200

function Activity({ project: { id, name } }: { project: Project }): ReactNode {
  const { events, query } = useEvents({ project: id }, mostEvents)
  return (
    <Loaded query={{ ...query, data: events }} lines={8}>
      {(found) =>
        found.length === 0 ? (
          <EmptyState title="Nothing has happened here lately." command={`events --project ${quote(name)} --follow`} />
        ) : (
          <ul className="event-list panel" aria-label="Activity">
            {found.map((event) => (
              <EventLine key={event.seq} event={event} />
            ))}
          </ul>
        )
      }
    </Loaded>
  )
}
