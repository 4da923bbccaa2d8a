import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useApi } from '../../api/query.ts'
import { ActionsMenu } from '../../parts/actions-menu.tsx'
import { RelativeTime } from '../../parts/amount.tsx'
import { CopyId } from '../../parts/copy.tsx'
import { formatCount, plural } from '../../parts/format.ts'
import { Facts, PageHeader } from '../../parts/page-header.tsx'
import { StateBadge } from '../../parts/state-badge.tsx'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { usePaletteActions } from '../../shell/palette-registry.ts'
import { projectActions } from './actions.ts'
import { DeleteProject } from './delete-project.tsx'
import { ProjectForm } from './project-form.tsx'

const route = getRouteApi('/shell/projects/$project')
const crumbs = [{ label: 'Projects', to: '/projects' }]

/** One project: what it is, and what happened in it. */
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
        actions={<ActionsMenu actions={actions} label={`Actions for ${name}`} />}
      />
      <Loaded query={query}>
        {(project) => (
          <>
            <Tabs
              label="Project"
              tabs={[
                {
                  id: 'about',
                  label: 'About',
                  content: () => (
                    <Facts
                      facts={[
                        ['Id', <CopyId key="id" value={project.id} />],
                        ['Jobs', plural(project.jobs.total, 'job')],
                        ['Tags', project.tags.join(', ') || '–'],
                        ['Created', <RelativeTime key="created" time={project.createdAt} />],
                      ]}
                    />
                  ),
                },
                { id: 'activity', label: 'Activity', content: () => <Activity project={project.id} name={name} /> },
              ]}
            />
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

function Active({ count }: { count: number }): ReactNode {
  return <StateBadge state="running" label={`${formatCount(count)} active`} />
}

function Activity({ project, name }: { project: string; name: string }): ReactNode {
  const events = useApi('event', 'list', { project, limit: 100 })
  return (
    <Loaded query={events}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="Nothing has happened here yet." command={`run --project ${name} -- echo hello`} />
        ) : (
          <Facts
            facts={items.toReversed().map(({ seq, at, type, subject, actor }) => [
              `${seq}`,
              <span key={seq} className="row">
                <RelativeTime time={at} /> <span>{type}</span> <CopyId value={subject} />
                <span className="muted">{actor ?? 'server'}</span>
              </span>,
            ])}
          />
        )
      }
    </Loaded>
  )
}
