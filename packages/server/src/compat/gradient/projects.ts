import type { Project } from '@nabla/api/project'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { anything, jsonIn, listOf, nameOf, optional, textInside } from './fields.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { allPages } from './pages.ts'

export const projectRoutes = [
  ...gradientRoute('POST', '/projects', z.object({ name: optional, repoUrl: optional }), async (exchange) => {
    const name = nameOf(exchange.input.name)
    if (name === undefined) throw new AppError('invalid', { detail: 'A project needs a name.' })
    return { handle: (await projectCalled(exchange, name)).id }
  }),
  ...gradientRoute('GET', '/projects', anything, async (exchange) => {
    const { call, input } = exchange
    const handle = textInside(jsonIn(input, 'filter'), 'where', 'handle')
    if (handle !== undefined) return { data: await found(exchange, handle) }
    const tags = listOf(input, 'tagFilter')
    const projects = await allPages((page) => call('project', 'list', page))
    const rows = projects.filter((project) => tags.every((tag) => project.tags.includes(tag)))
    return { data: rows.map(toProject), meta: { totalItems: rows.length } }
  }),
  ...gradientRoute('POST', '/projects/:id/deleteProject', z.unknown(), async ({ call, params }) =>
    call('project', 'delete', { project: params['id']! }),
  ),
]

/** The project of that name: here a name is that of one project, where Gradient had as many as one liked. */
async function projectCalled({ call }: Exchange, name: string): Promise<Project> {
  try {
    return await call('project', 'create', { body: { name } })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'name_taken') throw error
    return call('project', 'show', { project: name })
  }
}

/** None where there is none: that is how the clients know. */
async function found({ call }: Exchange, handle: string) {
  try {
    return [toProject(await call('project', 'show', { project: handle }))]
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return []
    throw error
  }
}

function toProject({ id, name, createdAt, tags }: Project) {
  return { handle: id, name, dtCreated: createdAt, dtDeleted: null, repoName: null, repoUrl: null, tags }
}
