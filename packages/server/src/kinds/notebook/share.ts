import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import type { Files } from '../../volumes/files.ts'
import { sendFile } from '../files.ts'
import type { Handlers } from '../kind.ts'
import { readDocument } from './document.ts'
import { newestVersion, type SavedVersion } from './files.ts'
import { readNotebook } from './planned.ts'
import { about } from './session.ts'
import { findNotebook } from './view.ts'

type Verb = 'share' | 'unshare' | 'shared' | 'sharedFiles' | 'sharedFile' | 'sharedDocument'

/** The public view of notebooks: always the newest version, never what a session is working on. */
export const shareHandlers: Pick<Handlers<'notebook'>, Verb> = {
  async share({ caller, params }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    if (!(await newestVersion(deps, row))) {
      const detail = `The notebook ${row.name} has no saved version yet: stop it once, then share it.`
      throw new AppError('conflict', { detail })
    }
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('notebooks')
        // 130 random bits: whoever does not know it cannot find it.
        .set({ shareId: randomText(26), sharedAt: toIso(now) })
        .where('id', '=', row.id)
        .where('shareId', 'is', null)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return
      await recordEvents(trx, now, [{ ...about(row, caller), type: 'notebook.shared', data: { name: row.name } }])
    })
    const { shareId } = await findNotebook(deps, caller, row.id)
    return { share: shareId! }
  },

  async unshare({ caller, params }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    await change(deps, async (trx) => {
      const { numUpdatedRows } = await trx
        .updateTable('notebooks')
        .set({ shareId: null, sharedAt: null })
        .where('id', '=', row.id)
        .where('shareId', 'is not', null)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return
      const event = { ...about(row, caller), type: 'notebook.unshared', data: { name: row.name } }
      await recordEvents(trx, deps.clock.now(), [event])
    })
    return { share: null }
  },

  async shared({ params, signal }, deps) {
    const { row, version, files } = await findShared(deps, params.share)
    const limit = limits.notebookShared
    const { items } = await files.list('', { recursive: true, limit, glob: ['**/*.ipynb', '*.ipynb'], signal })
    return {
      name: row.name,
      version: version.number,
      savedAt: version.endedAt,
      image: readNotebook(row).spec.image,
      packages: JSON.parse(version.packages) as string[],
      // Jupyter keeps copies of what was saved last in folders whose names begin with a dot.
      first: (items.find(({ path }) => !/(^|\/)\./.test(path)) ?? items[0])?.path ?? null,
    }
  },

  async sharedFiles({ params, query, signal }, deps) {
    const { files } = await findShared(deps, params.share)
    const { path, recursive, limit, after } = query
    return files.list(path, { recursive, limit, signal, ...(after === undefined ? {} : { after }) })
  },

  async sharedFile({ params, query, headers, signal }, deps) {
    const { files } = await findShared(deps, params.share)
    return sendFile(files, query.path, { headers, signal, now: deps.clock.now() })
  },

  async sharedDocument({ params, query }, deps) {
    const { files } = await findShared(deps, params.share)
    return readDocument(files, query)
  },
}

/** What is shared under a name that nobody can guess; of any team. */
async function findShared(
  deps: Deps,
  share: string,
): Promise<{ row: NotebookRow; version: SavedVersion; files: Files }> {
  const row = await deps.db
    .selectFrom('notebooks')
    .selectAll()
    .where('shareId', '=', share)
    .where('deletedAt', 'is', null)
    .executeTakeFirst()
  const version = row && (await newestVersion(deps, row))
  if (!row || !version) throw new AppError('not_found', { noun: 'shared notebook', id: share })
  return { row, version, files: await deps.trees.open(row.teamId, version.digest) }
}
