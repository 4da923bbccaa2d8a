import { jobStates, type JobState } from '@nabla/api/job'
import type { Deps } from '../deps.ts'
import { list, sha256 } from '../volumes/folder.ts'
import { sendArchive, sendFile } from './files.ts'
import { findJob } from './job/view.ts'
import type { Caller, Handlers } from './kind.ts'

export const artifactHandlers: Handlers<'artifact'> = {
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
    const digest = ended ? await sha256(root, query.path, signal) : null
    const more = digest === null ? {} : { 'repr-digest': `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:` }
    return sendFile(root, query.path, headers, more)
  },

  async archive({ caller, params, query, signal }, deps) {
    const { root, name } = await artifactsOf(deps, caller, params.job)
    return sendArchive(root, query, `${name}-artifacts`, signal)
  },
}

/** The folder that is the artifacts folder of a job, made if the job has not begun. */
async function artifactsOf(deps: Deps, caller: Caller, reference: string) {
  const row = await findJob(deps, caller, reference)
  await deps.volumes.createVolume(row.artifactsId)
  const { ended } = jobStates[row.state as JobState]
  return { root: deps.volumes.volumeDir(row.artifactsId), ended, name: row.name }
}
