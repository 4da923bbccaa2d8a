import { z } from 'zod'
import { archiveQuery, fileChange, fileEntry, fileQuery, listQuery } from './file.ts'
import { id, sizeBytes, time } from './fields.ts'
import { pageOf, route } from './route.ts'
import { chunkHash } from './tree-root.ts'

/** The files that a job starts from. Once stored they never change; each job works on a copy of its own. */
export const workspace = z
  .object({
    id,
    digest: z.string().describe('SHA-256 over paths, modes and contents: that of its tree.'),
    files: z.number().int(),
    sizeBytes,
    createdAt: time,
  })
  .meta({ id: 'Workspace' })

export type Workspace = z.infer<typeof workspace>

/** Where the files of a job come from. */
export const workspaceSource = z
  .discriminatedUnion('from', [
    z.strictObject({ from: z.literal('nothing') }),
    z.strictObject({ from: z.literal('upload'), id: id.describe('Id that the upload answered with.') }),
    z.strictObject({
      from: z.literal('git'),
      url: z.string().max(2000).describe('https, http, ssh or git; `git+` in front is accepted.'),
      ref: z.string().max(250).optional().describe('Branch, tag or commit; the default branch if left out.'),
      username: z.string().max(200).optional(),
      password: z.string().max(2000).optional().describe('A token, or `secret:NAME`. It is never shown again.'),
    }),
  ])
  .meta({ id: 'WorkspaceSource' })

export type WorkspaceSource = z.input<typeof workspaceSource>

const byJob = z.object({ job: z.string().min(1).max(200).describe('Id or name of the job.') })

export const workspaceRoutes = {
  fromTree: route({
    method: 'POST',
    path: '/api/v1/workspaces/trees',
    about: 'Makes a workspace of a tree that has been committed, or finds the one there is.',
    access: 'member',
    body: z.strictObject({ digest: chunkHash.describe('What committing the tree answered with.') }),
    response: workspace,
    errors: ['not_found', 'disk_full'],
  }),
  upload: route({
    method: 'POST',
    path: '/api/v1/workspaces',
    about: 'Stores the files of a zip, tar or tar.gz archive, for jobs to start from.',
    access: 'member',
    query: z.object({
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional()
        .describe('Of the archive; it is refused if it arrives different.'),
    }),
    body: 'bytes',
    response: workspace,
    errors: ['bad_archive', 'archive_too_large', 'body_too_large', 'checksum_mismatch', 'disk_full'],
  }),
  list: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/workspace',
    about: 'The files that a job began with. What it changed in them is not kept.',
    access: 'member',
    params: byJob,
    query: listQuery.extend({
      glob: z.string().max(500).optional().describe('Only files that match, such as `*.py` or `src/**`.'),
    }),
    response: pageOf(fileEntry),
    errors: ['not_found', 'bad_path', 'file_not_found', 'bad_pattern', 'conflict'],
  }),
  get: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/workspace/file',
    about: 'One file that a job began with. Ranges, If-Range and If-Match are honoured.',
    access: 'member',
    params: byJob,
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['not_found', 'bad_path', 'file_not_found', 'bad_range', 'file_changed', 'damaged_chunk', 'conflict'],
  }),
  compare: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/workspace/compare',
    about: 'Which files are different in what a job began with from what another one did.',
    access: 'member',
    params: byJob,
    query: z.object({
      fromJob: byJob.shape.job.describe('Id or name of the other job.'),
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
    }),
    response: z.object({
      items: z.array(fileChange),
      complete: z.boolean().describe('There are no more than these.'),
    }),
    errors: ['not_found', 'conflict', 'disk_full'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/workspace/archive',
    about: 'The files that a job began with, or some of them, as one archive.',
    access: 'member',
    params: byJob,
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'bad_path', 'file_not_found', 'bad_pattern', 'conflict'],
  }),
}
