import { posix } from 'node:path'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { list } from '../../volumes/folder.ts'
import { openContentLink } from '../content.ts'
import { sendArchive, sendFile } from '../files.ts'
import type { Caller, Handlers } from '../kind.ts'
import { type TrackedFiles, trackedFiles } from './files.ts'
import { findRun } from './find.ts'

/** The files that a run logged, wherever they are: to those who ask they begin at the run. */
export const runFileHandlers: Pick<Handlers<'run'>, 'files' | 'getFile' | 'openFile' | 'archiveFiles'> = {
  async files({ caller, params, query, signal }, deps) {
    const { root, prefix } = await filesOf(deps, caller, params.run)
    const { path, recursive, limit, after } = query
    const options = { recursive, limit, signal, ...(after === undefined ? {} : { after: prefix + after }) }
    const { items, next } = await list(root, pathIn(prefix, path), options).catch((error: unknown) => {
      // It has logged none yet.
      if (path === '' && error instanceof AppError && error.code === 'file_not_found') return { items: [], next: null }
      throw error
    })
    const own = (whole: string) => whole.slice(prefix.length)
    return { items: items.map((item) => ({ ...item, path: own(item.path) })), next: next === null ? null : own(next) }
  },

  async getFile({ caller, params, query, headers, signal }, deps) {
    const { root, prefix } = await filesOf(deps, caller, params.run)
    return sendFile(root, pathIn(prefix, query.path), { headers, signal, now: deps.clock.now() })
  },

  async openFile({ caller, params, body, origins }, deps) {
    const { volumeId, prefix } = await filesOf(deps, caller, params.run)
    return openContentLink(deps, { caller, origins }, volumeId, pathIn(prefix, body.path))
  },

  async archiveFiles({ caller, params, query, signal }, deps) {
    const { root, prefix } = await filesOf(deps, caller, params.run)
    const paths = query.path === undefined ? [''] : [query.path].flat()
    const path = paths.map((one) => pathIn(prefix, one))
    const asked = { format: query.format, ...(path.length === 1 && path[0] === '' ? {} : { path }) }
    return sendArchive(root, asked, `${params.run}-files`, signal)
  },
}

async function filesOf(deps: Deps, caller: Caller, reference: string): Promise<TrackedFiles> {
  const { id } = await findRun(deps, caller, reference)
  return trackedFiles(deps, caller, id)
}

/** Joined as text: what is odd in it is refused where it is opened. */
const pathIn = (prefix: string, path: string): string =>
  path === '' ? posix.dirname(`${prefix}x`).replace(/^\.$/, '') : prefix + path
