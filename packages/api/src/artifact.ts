import { z } from 'zod'
import { contentLink, showFile } from './content.ts'
import { archiveQuery, checksum, fileEntry, fileQuery, listQuery, packBody } from './file.ts'
import { id, sizeBytes, time } from './fields.ts'
import { pageOf, route } from './route.ts'

const byJob = z.object({ job: z.string().min(1).max(200).describe('Id or name of the job.') })

const bounds = {
  keepLast: z.number().int().min(1).max(100_000).nullable().describe('The latest jobs that left something.'),
  keepDays: z.number().int().min(1).max(36_500).nullable().describe('Jobs that ended within so many days.'),
}

/** How long artifacts are kept: what neither bound keeps is deleted. */
export const retentionRule = z
  .object({
    project: z.object({ id, name: z.string() }).nullable().describe('Null: all projects without a rule of their own.'),
    ...bounds,
    updatedAt: time,
  })
  .meta({ id: 'RetentionRule' })

export type RetentionRule = z.infer<typeof retentionRule>

/** A job whose artifacts a rule would delete. */
export const expiring = z
  .object({
    job: z.object({ id, name: z.string() }),
    project: z.object({ id, name: z.string() }),
    endedAt: time,
    files: z.number().int(),
    sizeBytes,
  })
  .meta({ id: 'ExpiringArtifacts' })

export type Expiring = z.infer<typeof expiring>

const whichProject = z.object({
  project: z.string().min(1).max(200).optional().describe('Name or id; the whole team if left out.'),
})

/** What a job left in its artifacts folder: there while it runs, and kept after it ends, however it ended. */
export const artifactRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts',
    about: 'The artifacts of a job.',
    access: 'member',
    params: byJob,
    query: listQuery.extend({
      glob: z.string().max(500).optional().describe('Only files that match, such as `*.pt` or `checkpoints/**`.'),
    }),
    response: pageOf(fileEntry),
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found'],
  }),
  get: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts/file',
    about:
      'One artifact. Ranges, If-Range and If-Match are honoured; Repr-Digest carries the SHA-256 of a small one once ' +
      'the job has ended.',
    access: 'member',
    params: byJob,
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found', 'bad_range', 'file_changed'],
  }),
  checksum: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts/checksum',
    about: 'SHA-256 of one artifact: read for it, unless it is known.',
    access: 'member',
    params: byJob,
    query: fileQuery,
    response: checksum,
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/artifacts/view',
    about: 'An address at which a browser may show one artifact, for ten minutes.',
    access: 'member',
    params: byJob,
    body: showFile,
    response: contentLink,
    errors: ['not_found', 'bad_path', 'file_not_found', 'no_content_origin'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts/archive',
    about: 'Several artifacts or all of them, as one archive.',
    access: 'member',
    params: byJob,
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found', 'bad_pattern'],
  }),
  pack: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/artifacts/archive',
    about: 'Many artifacts, named in the body, as one archive. What is not there any more is left out.',
    access: 'member',
    params: byJob,
    body: packBody,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'artifacts_gone', 'bad_path'],
  }),
  showRetention: route({
    method: 'GET',
    path: '/api/v1/artifacts/retention',
    about: 'The rules that say how long artifacts are kept: of the team, and of projects.',
    access: 'member',
    query: whichProject.describe('Only the rule that holds for this project.'),
    response: z.object({ items: z.array(retentionRule) }),
    errors: ['not_found'],
  }),
  setRetention: route({
    method: 'PUT',
    path: '/api/v1/artifacts/retention',
    about: 'Sets a rule, for a project or (admins only) for the team. Artifacts that it does not keep are deleted.',
    access: 'member',
    query: whichProject,
    body: z.object({ keepLast: bounds.keepLast.default(null), keepDays: bounds.keepDays.default(null) }),
    response: retentionRule,
    errors: ['not_found', 'forbidden', 'invalid'],
  }),
  clearRetention: route({
    method: 'DELETE',
    path: '/api/v1/artifacts/retention',
    about: 'Removes a rule. A project without one has that of the team; without any, artifacts are kept.',
    access: 'member',
    query: whichProject,
    response: z.object({ cleared: z.boolean() }),
    errors: ['not_found', 'forbidden'],
  }),
  previewRetention: route({
    method: 'POST',
    path: '/api/v1/artifacts/retention/preview',
    about: 'What would be deleted by the rules as they are, or by the one in the body. Nothing is.',
    access: 'member',
    query: whichProject,
    body: z.object({ keepLast: bounds.keepLast.optional(), keepDays: bounds.keepDays.optional() }),
    response: z.object({
      items: z.array(expiring).describe('Those that ended last come first; at most a thousand.'),
      complete: z.boolean(),
    }),
    errors: ['not_found'],
  }),
}
