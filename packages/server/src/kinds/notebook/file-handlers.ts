import type { NotebookVersion } from '@nabla/api/notebook'
import type { NotebookVersionRow } from '../../db/notebook-tables.ts'
import { AppError } from '../../lib/app-error.ts'
import { compareTrees } from '../../trees/compare.ts'
import { sendArchive, sendFile } from '../files.ts'
import type { Handlers } from '../kind.ts'
import { readDocument } from './document.ts'
import { filesOf, findVersion, isNumber, newestVersion } from './files.ts'
import { runNotebook } from './run-as-job.ts'
import { shareHandlers } from './share.ts'
import { findNotebook } from './view.ts'

type FileVerb = 'versions' | 'compare' | 'files' | 'file' | 'archive' | 'document' | 'runAsJob'
type ShareVerb = 'share' | 'unshare' | 'shared' | 'sharedFiles' | 'sharedFile' | 'sharedDocument'

/** The files of notebooks, and their versions. */
export const notebookFileHandlers: Pick<Handlers<'notebook'>, FileVerb | ShareVerb> = {
  ...shareHandlers,

  async versions({ caller, params, query }, deps) {
    const { id } = await findNotebook(deps, caller, params.notebook)
    const before = query.after === undefined ? undefined : Number(query.after)
    if (before !== undefined && !isNumber(before)) {
      throw new AppError('invalid', { detail: '`after` is not the `next` of a page.' })
    }
    const rows = await deps.db
      .selectFrom('notebookVersions')
      .selectAll()
      .where('notebookId', '=', id)
      .$if(before !== undefined, (query) => query.where('number', '<', before ?? 0))
      .orderBy('number', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = rows.slice(0, query.limit)
    const next = rows.length > query.limit ? String(page.at(-1)!.number) : null
    return { items: page.map(toVersion), next }
  },

  async compare({ caller, params, query, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const version = await findVersion(deps, row, params.number)
    const older =
      query.from === undefined
        ? await newestVersion(deps, row, version.number)
        : await findVersion(deps, row, Number(query.from))
    const compared = await compareTrees(deps, older?.digest ?? null, version.digest, query.limit, signal)
    return { from: older?.number ?? null, ...compared }
  },

  async files({ caller, params, query, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const files = await filesOf(deps, row, query.version)
    const { path, recursive, limit, after } = query
    return files.list(path, { recursive, limit, signal, ...(after === undefined ? {} : { after }) })
  },

  async file({ caller, params, query, headers, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return sendFile(await filesOf(deps, row, query.version), query.path, { headers, signal, now: deps.clock.now() })
  },

  async archive({ caller, params, query, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return sendArchive(await filesOf(deps, row, query.version), query, row.name, signal)
  },

  async document({ caller, params, query }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return readDocument(await filesOf(deps, row, query.version), query)
  },

  async runAsJob({ caller, params, body, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return runNotebook(deps, caller, row, body, signal)
  },
}

function toVersion(row: NotebookVersionRow): NotebookVersion {
  const { number: version, reason, files, sizeBytes, startedAt, endedAt } = row
  return {
    version,
    state: row.state as NotebookVersion['state'],
    reason,
    files,
    sizeBytes,
    packages: JSON.parse(row.packages) as string[],
    startedAt,
    endedAt,
  }
}
