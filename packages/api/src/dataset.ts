import { z } from 'zod'
import { contentLink, showFile } from './content.ts'
import { displayName, id, programText, relativePath, sizeBytes, tags, time } from './fields.ts'
import { archiveQuery, checksum, fileChange, fileEntry, fileQuery, listQuery, packBody } from './file.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { type DatasetVersionState, datasetVersionStates } from './dataset-states.ts'
import { chunkHash } from './tree-root.ts'

export * from './dataset-states.ts'

/** A name that can stand in `name:version` and in `/data/name`. */
export const datasetName = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, - and _, beginning with a letter or digit')

/** The name of a version, such as `prod`: moved at will, where versions themselves never change. */
export const versionTag = z
  .string()
  .min(1)
  .max(60)
  .regex(/^[A-Za-z][A-Za-z0-9._-]*$/, 'letters, digits, dots, - and _, beginning with a letter')

/** `name`, `name:3` or `name:prod`; without a version, the latest that is ready. */
export const datasetReference = z
  .string()
  .max(130)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9._-]+)?$/, 'NAME, NAME:VERSION or NAME:TAG')

/** A version that a job reads, and the folder in `/data` where it finds it. */
export const datasetMount = z
  .strictObject({
    dataset: datasetReference.describe('`name`, `name:3` or `name:prod`; the latest version if none is named.'),
    mount: datasetName.optional().describe('Folder in `/data`; the name of the dataset if left out.'),
  })
  .meta({ id: 'DatasetMount' })

/** What became of it: the version that was chosen when the job was submitted. */
export const mountedDataset = z
  .object({
    id: id.describe('Of the dataset.'),
    name: z.string(),
    version: z.number().int(),
    digest: z.string().nullable().describe('Null while the version is being prepared.'),
    path: z.string().describe('Where the job finds it.'),
  })
  .meta({ id: 'MountedDataset' })

export type MountedDataset = z.infer<typeof mountedDataset>

/** Where the files of a version come from. Passwords and keys may be `secret:NAME`. */
export const datasetSource = z
  .discriminatedUnion('from', [
    z.strictObject({ from: z.literal('tree'), digest: chunkHash.describe('Of a tree that was committed.') }),
    z.strictObject({
      from: z.literal('storage'),
      path: relativePath.default('').describe('A file or folder in storage; all of it if left out.'),
    }),
    z.strictObject({
      from: z.literal('job'),
      job: z.string().min(1).max(200).describe('Id or name of a job that has ended.'),
      path: relativePath.default('').describe('A file or folder of its artifacts; all of them if left out.'),
    }),
    z.strictObject({
      from: z.literal('url'),
      url: programText.max(4000).describe('http, https or s3; one of s3 that ends in `/` is all that lies below it.'),
      sha256: chunkHash.optional().describe('Of the object as it is fetched; another is refused.'),
      etag: programText.max(200).optional().describe('That the object must have; another is refused.'),
      expand: z.boolean().default(true).describe('Unpack .zip, .tar, .tar.gz and the like.'),
      username: programText.max(200).optional().describe('Of HTTP; for s3 the access key.'),
      password: programText
        .max(2000)
        .optional()
        .describe('Of HTTP; for s3 the secret key. Or `secret:NAME`. Never shown again.'),
      endpoint: programText.max(500).optional().describe('Of another S3 than that of AWS, such as https://minio.lan.'),
      region: z
        .string()
        .max(100)
        .regex(/^[a-z0-9-]*$/)
        .optional()
        .describe('Of the bucket; us-east-1 if left out.'),
    }),
  ])
  .meta({ id: 'DatasetSource' })

export const datasetVersion = z
  .object({
    id,
    version: z.number().int().describe('1, 2, 3, …'),
    state: z.enum(Object.keys(datasetVersionStates) as [DatasetVersionState, ...DatasetVersionState[]]),
    reason: z.string().nullable(),
    message: z.string(),
    tags: z.array(z.string()).describe('`latest` is the newest that is ready.'),
    source: z.string().describe('Where its files come from, in a few words.'),
    digest: z.string().nullable().describe('SHA-256 over all its files.'),
    files: z.number().int().describe('While it is being prepared: what has come so far.'),
    sizeBytes,
    createdBy: z.object({ id, name: displayName }),
    createdAt: time,
  })
  .meta({ id: 'DatasetVersion' })

export type DatasetSource = z.output<typeof datasetSource>

export type DatasetVersion = z.infer<typeof datasetVersion>

export const dataset = z
  .object({
    id,
    name: datasetName,
    description: z.string(),
    tags,
    versions: z.number().int(),
    latest: datasetVersion.nullable().describe('The newest version that is ready.'),
    createdAt: time,
  })
  .meta({ id: 'Dataset' })

export type Dataset = z.infer<typeof dataset>

const description = z.string().max(5000)
const byDataset = z.object({ dataset: z.string().min(1).max(100).describe('Name or id of the dataset.') })
const byVersion = byDataset.extend({ version: z.string().min(1).max(60).describe('Number or tag of the version.') })

export const datasetRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/datasets',
    about: 'The datasets of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      name: z.string().max(60).optional().describe('Only those whose name begins so.'),
      tag: z.string().max(60).optional().describe('Only those with this tag.'),
    }),
    response: pageOf(dataset),
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/datasets',
    about: 'Makes a dataset without versions.',
    access: 'member',
    body: z.strictObject({ name: datasetName, description: description.default(''), tags: tags.default([]) }),
    response: dataset,
    errors: ['name_taken'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset',
    about: 'One dataset.',
    access: 'member',
    params: byDataset,
    response: dataset,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/datasets/:dataset',
    about: 'Renames a dataset, or replaces its description or tags.',
    access: 'member',
    params: byDataset,
    body: z.strictObject({
      name: datasetName.optional(),
      description: description.optional(),
      tags: tags.optional(),
    }),
    response: dataset,
    errors: ['not_found', 'name_taken'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/datasets/:dataset',
    about: 'Deletes a dataset with all its versions. Refused while a job that has not ended reads one.',
    access: 'member',
    params: byDataset,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  versions: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions',
    about: 'The versions of a dataset, newest first.',
    access: 'member',
    params: byDataset,
    query: pageQuery,
    response: pageOf(datasetVersion),
    errors: ['not_found'],
  }),
  commit: route({
    method: 'POST',
    path: '/api/v1/datasets/:dataset/versions',
    about:
      'Makes a version. Files that are not on the server yet are fetched; a name nobody has makes the dataset. For a tree that the latest version is already, that one is answered with.',
    access: 'member',
    params: byDataset,
    body: z.strictObject({
      source: datasetSource,
      message: z.string().max(5000).default(''),
      base: z.string().max(60).optional().describe('Number or tag of a version to add to; what is new wins.'),
      tags: z.array(versionTag).max(20).default([]).describe('Moved to the new version once it is ready.'),
    }),
    response: datasetVersion,
    errors: [
      'not_found',
      'invalid',
      'conflict',
      'bad_path',
      'file_not_found',
      'artifacts_gone',
      'fetch_refused',
      'disk_full',
      'unknown_secret',
    ],
  }),
  version: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version',
    about: 'One version.',
    access: 'member',
    params: byVersion,
    response: datasetVersion,
    errors: ['not_found'],
  }),
  deleteVersion: route({
    method: 'DELETE',
    path: '/api/v1/datasets/:dataset/versions/:version',
    about:
      'Deletes a version; one that is being prepared is given up. Refused while a job that has not ended reads it.',
    access: 'member',
    params: byVersion,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  tag: route({
    method: 'PUT',
    path: '/api/v1/datasets/:dataset/tags/:tag',
    about: 'Gives a tag to a version, and takes it from the one that had it.',
    access: 'member',
    params: byDataset.extend({ tag: versionTag }),
    body: z.strictObject({ version: z.string().min(1).max(60).describe('Number or tag of the version.') }),
    response: datasetVersion,
    errors: ['not_found', 'conflict'],
  }),
  untag: route({
    method: 'DELETE',
    path: '/api/v1/datasets/:dataset/tags/:tag',
    about: 'Takes a tag away.',
    access: 'member',
    params: byDataset.extend({ tag: versionTag }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  compare: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/compare',
    about: 'Which files are different in a version from another one.',
    access: 'member',
    params: byVersion,
    query: z.object({
      from: z.string().min(1).max(60).describe('Number or tag of the older one.'),
      fromDataset: z.string().min(1).max(100).optional().describe('What that is a version of; the same if left out.'),
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
    }),
    response: z.object({
      items: z.array(fileChange),
      complete: z.boolean().describe('There are no more than these.'),
    }),
    errors: ['not_found', 'conflict'],
  }),
  files: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/files',
    about: 'The files of a version.',
    access: 'member',
    params: byVersion,
    query: listQuery.extend({
      glob: z.string().max(500).optional().describe('Only files that match, such as `*.csv` or `train/**`.'),
    }),
    response: pageOf(fileEntry),
    errors: ['not_found', 'conflict', 'bad_path', 'file_not_found', 'bad_pattern'],
  }),
  get: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/file',
    about: 'One file of a version. Ranges, If-Range and If-Match are honoured.',
    access: 'member',
    params: byVersion,
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['not_found', 'conflict', 'bad_path', 'file_not_found', 'bad_range', 'file_changed', 'damaged_chunk'],
  }),
  checksum: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/checksum',
    about: 'SHA-256 of one file of a version.',
    access: 'member',
    params: byVersion,
    query: fileQuery,
    response: checksum,
    errors: ['not_found', 'conflict', 'bad_path', 'file_not_found'],
  }),
  open: route({
    method: 'POST',
    path: '/api/v1/datasets/:dataset/versions/:version/open',
    about: 'Where a browser may show a file of a version, for ten minutes.',
    access: 'member',
    params: byVersion,
    body: showFile,
    response: contentLink,
    errors: ['not_found', 'conflict', 'bad_path', 'file_not_found', 'no_content_origin'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/datasets/:dataset/versions/:version/archive',
    about: 'Several files of a version or all of them, as one archive.',
    access: 'member',
    params: byVersion,
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'conflict', 'bad_path', 'file_not_found', 'bad_pattern'],
  }),
  pack: route({
    method: 'POST',
    path: '/api/v1/datasets/:dataset/versions/:version/archive',
    about: 'Files of a version, as one archive: for more of them than an address can name.',
    access: 'member',
    params: byVersion,
    body: packBody,
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'conflict', 'bad_path'],
  }),
}
