import { z } from 'zod'
import { contentLink, showFile } from './content.ts'
import { archiveQuery, fileEntry, fileQuery, listQuery } from './file.ts'
import { pageOf, route } from './route.ts'

const byRun = z.object({ run: z.string().min(1).max(200).describe('Id of the run, or of its job.') })

/** The files that a run logged. Those of a job are among its artifacts too, in `runs/` and the id of the run. */
export const runFileRoutes = {
  files: route({
    method: 'GET',
    path: '/api/v1/runs/:run/files',
    about: 'The files that a run logged.',
    access: 'member',
    params: byRun,
    query: listQuery,
    response: pageOf(fileEntry),
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found'],
  }),
  getFile: route({
    method: 'GET',
    path: '/api/v1/runs/:run/files/file',
    about: 'One file that a run logged. Ranges, If-Range and If-Match are honoured.',
    access: 'member',
    params: byRun,
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found', 'bad_range', 'file_changed'],
  }),
  openFile: route({
    method: 'POST',
    path: '/api/v1/runs/:run/files/view',
    about: 'An address at which a browser may show one file, for ten minutes.',
    access: 'member',
    params: byRun,
    body: showFile,
    response: contentLink,
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found', 'no_content_origin'],
  }),
  archiveFiles: route({
    method: 'GET',
    path: '/api/v1/runs/:run/files/archive',
    about: 'Files that a run logged, or all of them, as one archive.',
    access: 'member',
    params: byRun,
    query: archiveQuery.pick({ path: true, format: true }),
    response: { stream: 'bytes', about: 'A tar or zip archive.' },
    errors: ['not_found', 'artifacts_gone', 'bad_path', 'file_not_found'],
  }),
}
