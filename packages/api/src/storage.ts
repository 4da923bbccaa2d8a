import { z } from 'zod'
import { archiveQuery, fileEntry, fileQuery, listQuery } from './file.ts'
import { flag, relativePath, sizeBytes } from './fields.ts'
import { pageOf, route } from './route.ts'

/** The persistent files of a team: `/storage` in every job. */
export const storageUsage = z
  .object({
    region: z.string(),
    usedBytes: sizeBytes,
    files: z.number().int(),
    quotaBytes: sizeBytes.nullable().describe('Null: as large as the disk.'),
    freeBytes: sizeBytes.describe('What can still be written: the rest of the quota or of the disk.'),
  })
  .meta({ id: 'StorageUsage' })

export type StorageUsage = z.infer<typeof storageUsage>

export const storageRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/storage',
    about: 'Files and folders in storage.',
    access: 'member',
    query: listQuery,
    response: pageOf(fileEntry),
    errors: ['bad_path', 'file_not_found'],
  }),
  get: route({
    method: 'GET',
    path: '/api/v1/storage/file',
    about: 'One file. Ranges are honoured.',
    access: 'member',
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['bad_path', 'file_not_found'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/storage/archive',
    about: 'Several files or whole folders, as one tar.',
    access: 'member',
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar archive.' },
    errors: ['bad_path', 'file_not_found'],
  }),
  put: route({
    method: 'PUT',
    path: '/api/v1/storage/file',
    about: 'Writes one file, whole: the old one stays until the new one has arrived.',
    access: 'member',
    query: fileQuery.extend({
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
    }),
    body: 'bytes',
    response: z.object({ path: z.string(), sizeBytes, sha256: z.string() }),
    errors: ['bad_path', 'quota_exceeded', 'disk_full', 'checksum_mismatch', 'body_too_large'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/storage',
    about: 'Deletes a file or a folder.',
    access: 'member',
    query: z.object({
      path: relativePath.min(1),
      recursive: flag.default(false).describe('Also a folder that is not empty.'),
    }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['bad_path', 'file_not_found', 'conflict'],
  }),
  usage: route({
    method: 'GET',
    path: '/api/v1/storage/usage',
    about: 'How much of the storage is used.',
    access: 'member',
    response: storageUsage,
  }),
}
