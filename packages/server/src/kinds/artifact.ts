import { jobStates, type JobState } from '@nabla/api/job'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { list } from '../volumes/folder.ts'
import { openContentLink } from './content.ts'
import { hashOne, sendArchive, sendFile, sendFiles } from './files.ts'
import { retentionHandlers } from './artifact/retention.ts'
import { findJob } from './job/view.ts'
import type { Caller, Handlers } from './kind.ts'

export const artifactHandlers: Handlers<'artifact'> = {
  ...retentionHandlers,

  async list({ caller, params, query, signal }, deps) {
    const { root } = await artifactsOf(deps, caller, params.job)
    const { path, recursive, limit, after, glob } = query
    return list(root, path, {
      recursive: recursive || glob !== undefined,
      limit,
      signal,
      ...(after === undefined ? {} : { after }),
      ...(glob === undefined ? {} : { glob: [glob] }),
    })
  },

  async get({ caller, params, query, headers, signal }, deps) {
    const { root, ended } = await artifactsOf(deps, caller, params.job)
    // Of a file that may still grow, a checksum would say nothing.
    return sendFile(root, query.path, { headers, signal, now: deps.clock.now() }, ended)
  },

  async checksum({ caller, params, query, signal }, deps) {
    const { root } = await artifactsOf(deps, caller, params.job)
    return hashOne(root, query.path, { signal, now: deps.clock.now() })
  },

  async open({ caller, params, body, origins }, deps) {
    const { id } = await artifactsOf(deps, caller, params.job)
    return openContentLink(deps, { caller, origins }, id, body.path)
  },

  async archive({ caller, params, query, signal }, deps) {
    const { root, name } = await artifactsOf(deps, caller, params.job)
    return sendArchive(root, query, `${name}-artifacts`, signal)
  },

  async pack({ caller, params, body, signal }, deps) {
    const { root, name } = await artifactsOf(deps, caller, params.job)
    return sendFiles(root, body, `${name}-artifacts`, signal)
  },
}

/** The folder that is the artifacts folder of a job, made if the job has not begun. Throws `artifacts_gone`. */
export async function artifactsOf(deps: Deps, caller: Caller, reference: string) {
  const row = await findJob(deps, caller, reference)
  const volume = await deps.db
    .selectFrom('volumes')
    .select('deletedAt')
    .where('id', '=', row.artifactsId)
    .executeTakeFirst()
  if (volume?.deletedAt) throw new AppError('artifacts_gone', { job: row.name, date: volume.deletedAt.slice(0, 10) })
  await deps.volumes.createVolume(row.artifactsId)
  const { ended } = jobStates[row.state as JobState]
  return { id: row.artifactsId, root: deps.volumes.volumeDir(row.artifactsId), ended, name: row.name }
}
