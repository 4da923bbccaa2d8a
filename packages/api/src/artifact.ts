import { z } from 'zod'
import { archiveQuery, fileEntry, fileQuery, listQuery } from './file.ts'
import { pageOf, route } from './route.ts'

const byJob = z.object({ job: z.string().min(1).max(200).describe('Id or name of the job.') })

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
    errors: ['not_found', 'bad_path', 'file_not_found'],
  }),
  get: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts/file',
    about: 'One artifact. Ranges are honoured; Repr-Digest carries its SHA-256 once the job has ended.',
    access: 'member',
    params: byJob,
    query: fileQuery,
    response: { stream: 'bytes', about: 'The file.' },
    errors: ['not_found', 'bad_path', 'file_not_found'],
  }),
  archive: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/artifacts/archive',
    about: 'Several artifacts or all of them, as one tar.',
    access: 'member',
    params: byJob,
    query: archiveQuery,
    response: { stream: 'bytes', about: 'A tar archive.' },
    errors: ['not_found', 'bad_path', 'file_not_found'],
  }),
}
