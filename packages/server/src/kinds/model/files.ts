import type { Interpretation } from '@nabla/api/model-format'
import type { Deps } from '../../deps.ts'
import { openContentLink } from '../content.ts'
import { hashOne, sendArchive, sendFile, sendFiles } from '../files.ts'
import type { Caller, Handlers } from '../kind.ts'
import { assertReady, findModel, findModelVersion } from './find.ts'
import { graphOfTree } from './interpret.ts'

type FileVerb = 'files' | 'get' | 'checksum' | 'open' | 'archive' | 'pack' | 'interpretation' | 'graph'

export const modelFileHandlers: Pick<Handlers<'model'>, FileVerb> = {
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
    const { version } = await filesOf(deps, caller, params)
    return openContentLink(deps, { caller, origins }, version.volumeId, body.path)
  },

  async archive({ caller, params, query, signal }, deps) {
    const { files, name } = await filesOf(deps, caller, params)
    return sendArchive(files, query, name, signal)
  },

  async pack({ caller, params, body, signal }, deps) {
    const { files, name } = await filesOf(deps, caller, params)
    return sendFiles(files, body, name, signal)
  },

  async interpretation({ caller, params }, deps) {
    const { version } = await readyVersion(deps, caller, params)
    return JSON.parse(version.interpretation ?? '{}') as Interpretation
  },

  async graph({ caller, params, signal }, deps) {
    const { files } = await filesOf(deps, caller, params)
    return graphOfTree(files, deps.clock, signal)
  },
}

interface Named {
  model: string
  version: string
}

async function readyVersion(deps: Deps, caller: Caller, { model: reference, version }: Named) {
  const model = await findModel(deps.db, caller.teamId, reference)
  return { model, version: assertReady(model, await findModelVersion(deps.db, model, version)) }
}

async function filesOf(deps: Deps, caller: Caller, named: Named) {
  const { model, version } = await readyVersion(deps, caller, named)
  const files = await deps.trees.open(caller.teamId, version.digest)
  return { files, version, name: `${model.name}-${version.version}` }
}
