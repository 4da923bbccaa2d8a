import type { JobSummary } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { client } from '../../api/client.ts'
import { readListAhead } from '../../api/list.ts'
import { readAhead } from '../../api/query.ts'
import { addFinder, addMaker, type Entry } from '../../shell/palette-registry.ts'
import { shellRoute } from '../../shell/routes.ts'
import { jobSource, readFilter } from './job-source.ts'

export const jobRoutes = [
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/jobs',
    loaderDeps: ({ search }) => readFilter(search, undefined),
    loader({ deps: { states, ...others } }) {
      readListAhead(jobSource({ states, ...others }))
      readAhead('job', 'counts', others)
    },
    component: lazyRouteComponent(() => import('./job-list-page.tsx'), 'JobListPage'),
  }),
  createRoute({
    getParentRoute: () => shellRoute,
    path: '/jobs/new',
    component: lazyRouteComponent(() => import('./new-job-page.tsx'), 'NewJobPage'),
  }),
] as const

const anId = /^j[0-9a-z]{16}$/

/** Jobs may be many: the newest whose name begins so are found, and the one with this id. */
addFinder(async (text, signal) => {
  if (text === '') return []
  if (anId.test(text)) return [toEntry(await client.job.show({ job: text }, { signal }))]
  const { items } = await client.job.list({ name: text, limit: 8 }, { signal })
  return items.map(toEntry)
})

function toEntry({ id, name, state, project }: Pick<JobSummary, 'id' | 'name' | 'state' | 'project'>): Entry {
  return {
    group: 'Jobs',
    label: name,
    words: `${jobStates[state].label} · ${project.name}`,
    icon: 'job',
    command: `job show ${id}`,
    to: `/jobs/${id}`,
  }
}

addMaker({ group: 'Make', label: 'New job', icon: 'job', command: 'run -- COMMAND', to: '/jobs/new' })
