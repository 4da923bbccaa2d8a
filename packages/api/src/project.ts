import { z } from 'zod'
import { displayName, flag, id, programText, tags, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'

export const project = z
  .object({
    id,
    name: displayName,
    tags,
    images: z.array(z.string()).describe('Images that are fetched before a job asks for them.'),
    jobs: z.object({ total: z.number().int(), active: z.number().int().describe('Pending or running.') }),
    createdAt: time,
  })
  .meta({ id: 'Project' })

export type Project = z.infer<typeof project>

const byProject = z.object({ project: z.string().min(1).max(200).describe('Name or id of the project.') })

export const projectRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/projects',
    about: 'The projects of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({ tag: z.string().max(60).optional().describe('Only those with this tag.') }),
    response: pageOf(project),
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/projects',
    about: 'Makes a project. Jobs make theirs by themselves, from the name of the folder they are submitted from.',
    access: 'member',
    body: z.strictObject({ name: displayName.describe('Name of the project.'), tags: tags.default([]) }),
    response: project,
    errors: ['name_taken'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/projects/:project',
    about: 'One project.',
    access: 'member',
    params: byProject,
    response: project,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/projects/:project',
    about: 'Renames a project or replaces its tags.',
    access: 'member',
    params: byProject,
    body: z.strictObject({
      name: displayName.optional().describe('Its new name.'),
      tags: tags.optional().describe('Its tags from now on.'),
      images: z
        .array(programText.min(1).max(500))
        .max(20)
        .optional()
        .describe('Images that are fetched before a job asks for them, from now on.'),
    }),
    response: project,
    errors: ['not_found', 'name_taken'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/projects/:project',
    about: 'Deletes a project and all its jobs with their logs and artifacts; running ones are stopped first.',
    access: 'member',
    params: byProject,
    query: z.object({
      dryRun: flag.default(false).describe('Says what would go, and deletes nothing.'),
    }),
    response: z.object({
      deleted: z.boolean(),
      jobs: z.number().int().describe('Jobs that go with it.'),
      activeJobs: z.number().int().describe('Those of them that are stopped for it.'),
      artifactBytes: z.number().int(),
    }),
    errors: ['not_found'],
  }),
}
