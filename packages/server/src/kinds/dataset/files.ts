import type { Deps } from '../../deps.ts'
import { compareTrees } from '../../trees/compare.ts'
import type { FileTree } from '../../trees/file-tree.ts'
import { openContentLink } from '../content.ts'
import { hashOne, sendArchive, sendFile, sendFiles } from '../files.ts'
import type { Caller, Handlers } from '../kind.ts'
import { findDataset, findReady } from './find.ts'

type FileVerb = 'compare' | 'files' | 'get' | 'checksum' | 'open' | 'archive' | 'pack'

export const datasetFileHandlers: Pick<Handlers<'dataset'>, FileVerb> = {
  async compare({ caller, params, query, signal }, deps) {
    const newer = await readyVersion(deps, caller, params)
    const dataset = query.fromDataset ?? params.dataset
    const older = await readyVersion(deps, caller, { dataset, version: query.from })
    return compareTrees(deps, older.row.digest, newer.row.digest, query.limit, signal)
  },

  async files({ caller, params, query, signal }, deps) {
    const { files } = await filesOf(deps, caller, params)
    const { path, recursive, limit, after, glob } = query
    return files.list(path, {
      recursive: recursive || glob !== undefined,
      limit,
      signal,
      ...(after === undefined ? {} : { after }),
      ...(glob === undefined ? {} : { glob: [glob] }),
    })
  },

  async get({ caller, params, query, headers, signal }, deps) {
    const { files } = await filesOf(deps, caller, params)
    return sendFile(files, query.path, { headers, signal, now: deps.clock.now() })
  },

  async checksum({ caller, params, query, signal }, deps) {
    const { files } = await filesOf(deps, caller, params)
    return hashOne(files, query.path, { signal, now: deps.clock.now() })
  },

  async open({ caller, params, body, origins }, deps) {
    const { volumeId } = await filesOf(deps, caller, params)
    return openContentLink(deps, { caller, origins }, volumeId, body.path)
  },

  async archive({ caller, params, query, signal }, deps) {
    const { files, name } = await filesOf(deps, caller, params)
    return sendArchive(files, query, name, signal)
  },

  async pack({ caller, params, body, signal }, deps) {
    const { files, name } = await filesOf(deps, caller, params)
    return sendFiles(files, body, name, signal)
  },
}

interface VersionFiles {
  files: FileTree
  volumeId: string
  /** What an archive of them is called. */
  name: string
}

interface Which {
  dataset: string
  version: string
}

async function readyVersion(deps: Deps, caller: Caller, { dataset: reference, version }: Which) {
  const dataset = await findDataset(deps.db, caller.teamId, reference)
  return { dataset, row: await findReady(deps.db, dataset, version) }
}

async function filesOf(deps: Deps, caller: Caller, which: Which): Promise<VersionFiles> {
  const { dataset, row } = await readyVersion(deps, caller, which)
  const files = await deps.trees.open(caller.teamId, row.digest)
  return { files, volumeId: row.volumeId, name: `${dataset.name}-${row.version}` }
}
