import { z } from 'zod'
import { contentLink, showFile } from './content.ts'
import {
  archiveQuery,
  checksum,
  copied,
  fileEntry,
  fileQuery,
  folderUsage,
  listQuery,
  packBody,
  sha256,
} from './file.ts'
import { flag, id, relativePath, sizeBytes, time } from './fields.ts'
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

/** A large file on its way into storage, part by part. It is kept for a day after the last part. */
export const storageUpload = z
  .object({
    id,
    path: z.string(),
    sizeBytes: sizeBytes.describe('Of the whole file.'),
    offsetBytes: sizeBytes.describe('What has arrived and will not be lost: the next part begins here.'),
    partBytes: sizeBytes.describe('A good size for a part; any other does as well.'),
  })
  .meta({ id: 'StorageUpload' })

export type StorageUpload = z.infer<typeof storageUpload>

const whichUpload = z.object({ upload: z.string().min(1).max(40) })

const written = z.object({ path: z.string(), sizeBytes, sha256: z.string() })

const folderPath = relativePath.default('').describe('A folder; the top if left out.')

/** What a new file is beside its bytes. */
const attributes = z.object({
  modifiedAt: time.pipe(z.iso.datetime()).optional().describe('When it was changed; now, if left out.'),
  executable: flag.default(false),
})

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
    about:
      'One file. Ranges, If-Range and If-Match are honoured; Want-Repr-Digest asks for the SHA-256 of a small one.',
    access: 'member',
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['bad_path', 'file_not_found', 'bad_range', 'file_changed'],
  }),
  checksum: route({
    method: 'GET',
    path: '/api/v1/storage/checksum',
    about: 'SHA-256 of one file: read for it, unless it is known.',
    access: 'member',
    query: fileQuery,
    response: checksum,
    errors: ['bad_path', 'file_not_found'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/storage/view',
    about: 'An address at which a browser may show one file, for ten minutes.',
    access: 'member',
    body: showFile,
    response: contentLink,
    errors: ['bad_path', 'file_not_found', 'no_content_origin'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/storage/archive',
    about: 'Several files or whole folders, as one archive.',
    access: 'member',
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['bad_path', 'file_not_found', 'bad_pattern'],
  }),
  pack: route({
    method: 'POST',
    path: '/api/v1/storage/archive',
    about: 'Many files, named in the body, as one archive. What is not there any more is left out.',
    access: 'member',
    body: packBody,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['bad_path'],
  }),
  unpack: route({
    method: 'PUT',
    path: '/api/v1/storage/archive',
    about:
      'Writes the files of a tar into a folder, beside what is there. Each appears whole; a cut request leaves some.',
    access: 'member',
    query: z.object({ path: folderPath }),
    body: 'bytes',
    response: z.object({ files: z.number().int(), sizeBytes }),
    errors: ['bad_path', 'bad_archive', 'quota_exceeded', 'disk_full', 'body_too_large', 'conflict'],
  }),
  put: route({
    method: 'PUT',
    path: '/api/v1/storage/file',
    about: 'Writes one file, whole: the old one stays until the new one has arrived.',
    access: 'member',
    query: fileQuery.extend({ sha256: sha256.optional(), ...attributes.shape }),
    body: 'bytes',
    response: written,
    errors: ['bad_path', 'quota_exceeded', 'disk_full', 'checksum_mismatch', 'body_too_large'],
  }),
  beginUpload: route({
    method: 'POST',
    path: '/api/v1/storage/uploads',
    about: 'Begins a large file that is sent in parts, or finds the one that was begun with the same words.',
    access: 'member',
    body: z.object({
      path: relativePath.min(1),
      sizeBytes,
      sha256: sha256.optional(),
      ...attributes.shape,
    }),
    response: storageUpload,
    errors: ['bad_path', 'quota_exceeded', 'disk_full', 'busy'],
  }),
  showUpload: route({
    method: 'GET',
    path: '/api/v1/storage/uploads/:upload',
    about: 'How far an upload is.',
    access: 'member',
    params: whichUpload,
    response: storageUpload,
    errors: ['not_found'],
  }),
  appendUpload: route({
    method: 'PUT',
    path: '/api/v1/storage/uploads/:upload',
    about: 'Sends the next part. What arrives of a part that is cut stays.',
    access: 'member',
    params: whichUpload,
    query: z.object({ offset: z.coerce.number().int().min(0).describe('Where the part begins: `offsetBytes`.') }),
    body: 'bytes',
    response: storageUpload,
    errors: ['not_found', 'wrong_offset', 'quota_exceeded', 'disk_full', 'body_too_large'],
  }),
  finishUpload: route({
    method: 'POST',
    path: '/api/v1/storage/uploads/:upload',
    about: 'Checks that all of it arrived and puts it in its place, in one step.',
    access: 'member',
    params: whichUpload,
    body: z.object({ sha256: sha256.optional() }),
    response: written,
    errors: ['not_found', 'wrong_offset', 'checksum_mismatch', 'bad_path', 'quota_exceeded', 'disk_full'],
  }),
  cancelUpload: route({
    method: 'DELETE',
    path: '/api/v1/storage/uploads/:upload',
    about: 'Gives up an upload.',
    access: 'member',
    params: whichUpload,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found'],
  }),
  copy: route({
    method: 'POST',
    path: '/api/v1/storage/copy',
    about: 'Copies a file or what is in a folder, from storage or from the artifacts of a job, without it travelling.',
    access: 'member',
    body: z.object({
      from: z.object({
        job: z.string().min(1).max(200).optional().describe('Id or name of a job; storage if left out.'),
        path: relativePath,
      }),
      to: relativePath.describe('The file, or the folder that gets what is in the other one.'),
    }),
    response: copied,
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found', 'quota_exceeded', 'disk_full', 'conflict'],
  }),
  move: route({
    method: 'POST',
    path: '/api/v1/storage/move',
    about: 'Moves or renames a file or a folder, in one step.',
    access: 'member',
    body: z.object({
      from: relativePath.min(1),
      to: relativePath.min(1),
      overwrite: flag.default(false).describe('Also in the place of a file that is there.'),
    }),
    response: z.object({ path: z.string() }),
    errors: ['bad_path', 'file_not_found', 'conflict'],
  }),
  makeFolder: route({
    method: 'POST',
    path: '/api/v1/storage/folder',
    about: 'Makes a folder, and those above it. One that is there is fine.',
    access: 'member',
    body: z.object({ path: relativePath.min(1) }),
    response: z.object({ path: z.string() }),
    errors: ['bad_path', 'conflict', 'disk_full'],
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
  du: route({
    method: 'GET',
    path: '/api/v1/storage/du',
    about: 'What takes the space: folders and files, largest first.',
    access: 'member',
    query: z.object({
      path: folderPath,
      depth: z.coerce.number().int().min(1).max(8).default(1).describe('Folders within folders that are shown.'),
      limit: z.coerce.number().int().min(1).max(1000).default(200),
    }),
    response: z.object({
      total: folderUsage,
      items: z.array(folderUsage).describe('The largest.'),
      complete: z.boolean().describe('False: there was too much to look at all of it; sizes are at least these.'),
    }),
    errors: ['bad_path', 'file_not_found'],
  }),
  usage: route({
    method: 'GET',
    path: '/api/v1/storage/usage',
    about: 'How much of the storage is used.',
    access: 'member',
    response: storageUsage,
  }),
}
