import { z } from 'zod'
import { flag, relativePath, sizeBytes, time } from './fields.ts'

/** A file or folder in storage or among artifacts. */
export const fileEntry = z
  .object({
    path: z.string().describe('Relative to the root, with forward slashes.'),
    type: z.enum(['file', 'folder', 'link']),
    sizeBytes,
    modifiedAt: time,
  })
  .meta({ id: 'FileEntry' })

export type FileEntry = z.infer<typeof fileEntry>

export const listQuery = z.object({
  path: relativePath.default('').describe('A folder; the root if left out.'),
  recursive: flag.default(false).describe('Everything below it, not only what is directly in it.'),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
  after: z.string().max(4000).optional().describe('The `next` of the page before.'),
})

export const fileQuery = z.object({ path: relativePath.describe('The file.') })

export const archiveQuery = z.object({
  path: z
    .union([relativePath, z.array(relativePath).max(1000)])
    .optional()
    .describe('Files and folders; everything if left out.'),
  glob: z.string().max(500).optional().describe('Only files that match, such as `*.pt` or `checkpoints/**`.'),
})
