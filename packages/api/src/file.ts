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

/** A file or link that is different between two versions. */
export const fileChange = z
  .object({
    path: z.string(),
    change: z.enum(['added', 'removed', 'changed']),
    sizeBytes: sizeBytes.nullable().describe('In the newer one; null: it is not there.'),
    sizeBytesBefore: sizeBytes.nullable(),
  })
  .meta({ id: 'FileChange' })

export type FileChange = z.infer<typeof fileChange>

export const listQuery = z.object({
  path: relativePath.default('').describe('A folder; the root if left out.'),
  recursive: flag.default(false).describe('Everything below it, not only what is directly in it.'),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
  after: z.string().max(4000).optional().describe('The `next` of the page before.'),
})

export const fileQuery = z.object({ path: relativePath.describe('The file.') })

/** Archives that a folder can be fetched as: compressed little, so that the network is the bound and not the processor. */
export const archiveFormats = ['tar', 'tar.gz', 'zip'] as const

const format = z.enum(archiveFormats).default('tar')

export const archiveQuery = z.object({
  path: z
    .union([relativePath, z.array(relativePath).max(1000)])
    .optional()
    .describe('Files and folders; everything if left out.'),
  glob: z.string().max(500).optional().describe('Only files that match, such as `*.pt` or `checkpoints/**`.'),
  format,
})

/** The same for more files than an address can name. What has vanished meanwhile is left out of the archive. */
export const packBody = z.object({ paths: z.array(relativePath.min(1)).min(1).max(10_000), format })

/** SHA-256 of a file, in hex. */
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'a SHA-256 has 64 hex digits')
  .describe('In hex.')

/** What a file holds at one moment: `etag` is that of the bytes that were hashed. */
export const checksum = z
  .object({ path: z.string(), sizeBytes, modifiedAt: time, etag: z.string(), sha256 })
  .meta({ id: 'Checksum' })

export type Checksum = z.infer<typeof checksum>

/** How much was moved. `complete` is false when there was more than one request may take: ask again for the rest. */
export const copied = z.object({
  files: z.number().int().describe('Those that were copied.'),
  sizeBytes,
  equal: z.number().int().describe('Those that were there already, with the same size and time.'),
  complete: z.boolean(),
})

/** What lies below a folder. */
export const folderUsage = z
  .object({
    path: z.string(),
    type: z.enum(['file', 'folder', 'link']),
    sizeBytes: sizeBytes.describe('What it takes on the disk.'),
    files: z.number().int(),
  })
  .meta({ id: 'FolderUsage' })

export type FolderUsage = z.infer<typeof folderUsage>
