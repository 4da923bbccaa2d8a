import { z } from 'zod'
import { id, sizeBytes, time } from './fields.ts'
import { route } from './route.ts'

/** The files that a job starts from. Once stored they never change; each job works on a copy of its own. */
export const workspace = z
  .object({
    id,
    digest: z.string().describe('SHA-256 over paths, modes and contents: equal trees have equal digests.'),
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

export const workspaceRoutes = {
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
}
