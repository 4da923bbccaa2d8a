import { z } from 'zod'
import { displayName, relativePath, sizeBytes, time } from './fields.ts'
import { archiveQuery, fileChange, fileEntry, listQuery } from './file.ts'
import { job } from './job.ts'
import { notebookLimits } from './notebook-state.ts'
import { pageOf, pageQuery, route } from './route.ts'

/** The files of a notebook as one session left them. */
export const notebookVersion = z
  .object({
    version: z.number().int().describe('Number of the session.'),
    state: z.enum(['saving', 'ready', 'failed']),
    reason: z.string().nullable(),
    files: z.number().int(),
    sizeBytes,
    packages: z.array(z.string()).describe('What had been installed, each as in a requirements file.'),
    startedAt: time.nullable(),
    endedAt: time,
  })
  .meta({ id: 'NotebookVersion' })

export type NotebookVersion = z.infer<typeof notebookVersion>

const outputData = z.record(z.string(), z.string()).describe('By MIME type: text, or base64 of an image.')

/** One output of a cell. A page that shows it must not run what is in it. */
export const cellOutput = z
  .object({
    kind: z.enum(['text', 'data', 'error']),
    stream: z.enum(['stdout', 'stderr']).optional(),
    text: z.string().optional().describe('Of `text`; of `error` the traceback, with its colours.'),
    data: outputData.optional(),
    cut: z.boolean().describe('There is more of it than this.'),
  })
  .meta({ id: 'CellOutput' })

export type CellOutput = z.infer<typeof cellOutput>

export const notebookCell = z
  .object({
    kind: z.enum(['code', 'markdown', 'raw']),
    source: z.string(),
    tags: z.array(z.string()),
    executionCount: z.number().int().nullable(),
    outputs: z.array(cellOutput),
  })
  .meta({ id: 'NotebookCell' })

export type NotebookCell = z.infer<typeof notebookCell>

/** A notebook file, read so that it can be shown: whatever is in it, this has this form. */
export const notebookDocument = z
  .object({
    path: z.string(),
    sizeBytes,
    language: z.string().nullable(),
    kernel: z.string().nullable(),
    format: z.string().describe('Version of the format, such as `4.5`.'),
    cells: z.array(notebookCell),
    next: z.number().int().nullable().describe('Pass it as `offset` for the cells that follow; null: that is all.'),
    parameters: z
      .array(z.object({ name: z.string(), value: z.string() }))
      .describe('What stands in the cell that is tagged `parameters`, in the words of its language.'),
  })
  .meta({ id: 'NotebookDocument' })

export type NotebookDocument = z.infer<typeof notebookDocument>

/** What anyone may see of a notebook that is shared. */
export const sharedNotebook = z
  .object({
    name: displayName,
    version: z.number().int(),
    savedAt: time,
    image: z.string(),
    packages: z.array(z.string()),
    first: z.string().nullable().describe('Path of the notebook file that is shown first; null: there is none.'),
  })
  .meta({ id: 'SharedNotebook' })

export type SharedNotebook = z.infer<typeof sharedNotebook>

const byNotebook = z.object({
  notebook: z.string().min(1).max(200).describe('Id or name of the notebook; a name means its newest.'),
})
const byShare = z.object({ share: z.string().min(1).max(100).describe('What the share is called.') })

const versionField = z.string().max(40).optional().describe('Number of a version; what is there now, if left out.')
const documentQuery = z.object({
  path: relativePath.describe('A file that ends with `.ipynb`.'),
  offset: z.coerce.number().int().min(0).default(0).describe('The first cell to answer with.'),
  limit: z.coerce.number().int().min(1).max(notebookLimits.cells).default(notebookLimits.cells),
})

const fileErrors = ['not_found', 'bad_path', 'file_not_found'] as const
const documentErrors = [...fileErrors, 'bad_notebook', 'notebook_too_large'] as const

/** The files of notebooks, their versions, and what is made of them. */
export const notebookFileRoutes = {
  versions: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/versions',
    about: 'The versions of the files of a notebook, newest first: one for each session.',
    access: 'member',
    params: byNotebook,
    query: pageQuery,
    response: pageOf(notebookVersion),
    errors: ['not_found'],
  }),
  compare: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/versions/:number/compare',
    about: 'Which files are different in a version from the one before, or from another one.',
    access: 'member',
    params: byNotebook.extend({ number: z.coerce.number().int().min(0).describe('Number of the version.') }),
    query: z.object({
      from: z.string().max(40).optional().describe('Number of the older one; the one before, if left out.'),
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
    }),
    response: z.object({
      from: z.number().int().nullable().describe('Null: it is the first, all of it is new.'),
      items: z.array(fileChange),
      complete: z.boolean().describe('There are no more than these.'),
    }),
    errors: ['not_found', 'conflict'],
  }),
  files: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/files',
    about: 'The files in `/notebooks`, also while it is stopped, or those of a version.',
    access: 'member',
    params: byNotebook,
    query: listQuery.extend({ version: versionField }),
    response: pageOf(fileEntry),
    errors: fileErrors,
  }),
  file: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/file',
    about: 'One file. Ranges, If-Range and If-Match are honoured.',
    access: 'member',
    params: byNotebook,
    query: z.object({ path: relativePath.describe('The file.'), version: versionField }),
    response: { stream: 'bytes', about: 'The file.' },
    errors: [...fileErrors, 'bad_range', 'file_changed', 'damaged_chunk'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/archive',
    about: 'Files and folders as one archive.',
    access: 'member',
    params: byNotebook,
    query: archiveQuery.extend({ version: versionField }),
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: [...fileErrors, 'bad_pattern'],
  }),
  document: route({
    method: 'GET',
    path: '/api/v1/notebooks/:notebook/document',
    about: 'A notebook file as cells that can be shown.',
    access: 'member',
    params: byNotebook,
    query: documentQuery.extend({ version: versionField }),
    response: notebookDocument,
    errors: documentErrors,
  }),
  runAsJob: route({
    method: 'POST',
    path: '/api/v1/notebooks/:notebook/run',
    about: 'Runs a notebook file as a job, with parameters; the executed file is among the artifacts.',
    access: 'member',
    params: byNotebook,
    body: z.strictObject({
      path: relativePath.describe('The file that is run.'),
      parameters: z
        .record(
          z
            .string()
            .max(200)
            .regex(/^[\p{L}_][\p{L}\p{N}_]*$/u, 'the name of a variable'),
          z.json(),
        )
        .default({})
        .describe('In place of those in the cell that is tagged `parameters`.'),
      version: z.number().int().min(1).optional().describe('The files as they are now, if left out.'),
      name: displayName.optional().describe('Of the job.'),
      machineType: z.string().max(100).optional().describe('That of the notebook, if left out.'),
      timeLimitSeconds: z.number().int().min(1).max(31_536_000).nullable().default(null),
      tags: z.array(z.string().max(60)).max(30).default([]),
    }),
    response: job,
    errors: [
      ...documentErrors,
      'unknown_machine_type',
      'image_not_supported',
      'unknown_secret',
      'disk_full',
      'conflict',
    ],
  }),
  share: route({
    method: 'PUT',
    path: '/api/v1/notebooks/:notebook/share',
    about: 'Makes a public view of the last saved version, which needs no account. It stays the same if there is one.',
    access: 'member',
    params: byNotebook,
    response: z.object({ share: z.string().describe('What it is called: whoever knows it may look.') }),
    errors: ['not_found', 'conflict'],
  }),
  unshare: route({
    method: 'DELETE',
    path: '/api/v1/notebooks/:notebook/share',
    about: 'Ends the public view. Another one will be called otherwise.',
    access: 'member',
    params: byNotebook,
    response: z.object({ share: z.null() }),
    errors: ['not_found'],
  }),
  shared: route({
    method: 'GET',
    path: '/api/v1/shared-notebooks/:share',
    about: 'A notebook that is shared, as it was saved last.',
    access: 'anyone',
    params: byShare,
    response: sharedNotebook,
    errors: ['not_found'],
  }),
  sharedFiles: route({
    method: 'GET',
    path: '/api/v1/shared-notebooks/:share/files',
    about: 'The files of a notebook that is shared.',
    access: 'anyone',
    params: byShare,
    query: listQuery,
    response: pageOf(fileEntry),
    errors: fileErrors,
  }),
  sharedFile: route({
    method: 'GET',
    path: '/api/v1/shared-notebooks/:share/file',
    about: 'One file of a notebook that is shared, to be saved.',
    access: 'anyone',
    params: byShare,
    query: z.object({ path: relativePath.describe('The file.') }),
    response: { stream: 'bytes', about: 'The file.' },
    errors: [...fileErrors, 'bad_range', 'damaged_chunk'],
  }),
  sharedDocument: route({
    method: 'GET',
    path: '/api/v1/shared-notebooks/:share/document',
    about: 'A notebook file of a notebook that is shared, as cells that can be shown.',
    access: 'anyone',
    params: byShare,
    query: documentQuery,
    response: notebookDocument,
    errors: documentErrors,
  }),
}
