import { type NotebookState, notebookStates } from '@nabla/api/notebook'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { type LogPiece, type Mask, maskSecrets } from '../../tasks/logs/log-store.ts'
import { readHidden } from '../../tasks/hidden-values.ts'
import { logEvent, logLineOf } from '../job/log.ts'
import type { Handlers } from '../kind.ts'
import { resolveSecrets } from '../secret.ts'
import { readNotebook } from './planned.ts'
import { findNotebook, type NotebookWithNames } from './view.ts'

/** Reading the log of a notebook: that of all its sessions. Values of its secrets are masked. */
export const notebookLogHandlers: Pick<Handlers<'notebook'>, 'logs' | 'followLogs'> = {
  async logs({ caller, params, query }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const mask = await maskOf(deps, row)
    const filter = { ...(query.source && { source: query.source }), ...(mask && { mask }) }
    if (query.tail !== undefined) {
      const lines = await deps.logs.tail(row.id, query.tail, filter)
      const last = await deps.logs.lastSeq(row.id)
      return { items: lines.map(logLineOf), next: last, last }
    }
    const after = query.after === undefined ? {} : { after: query.after }
    const page = await deps.logs.read(row.id, { ...filter, ...after, limit: query.limit })
    return { items: page.lines.map(logLineOf), next: page.next, last: page.last }
  },

  async followLogs({ caller, params, query, headers, signal }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const after = Number(headers['last-event-id'] ?? query.after ?? 0)
    if (!Number.isSafeInteger(after) || after < 0) {
      throw new AppError('invalid', { detail: 'Last-Event-ID is not the number of a line.' })
    }
    // The server may have been killed after the session had ended and before the log was closed.
    if (!notebookStates[row.state as NotebookState].active) await deps.logs.close(row.id)
    const mask = await maskOf(deps, row)
    const window = { after, ...(query.source && { source: query.source }), ...(mask && { mask }), signal }
    return { events: deps.logs.streamAs(row.id, window, toEvent) }
  },
}

const toEvent = (piece: LogPiece) => logEvent(piece, String(piece.seq + piece.lines - 1), {})

/** Undefined when there is nothing to hide. */
async function maskOf(deps: Deps, row: NotebookWithNames): Promise<Mask | undefined> {
  const { spec } = readNotebook(row)
  const names = Object.values(spec.env)
    .filter((value) => value.startsWith('secret:'))
    .map((value) => value.slice('secret:'.length))
  const given = await readHidden(deps, row.id)
  if (names.length === 0 && given.length === 0) return undefined
  const present = await resolveSecrets(deps.db, deps.box, row.teamId, row.projectId, names)
  return maskSecrets([...given, ...present.values()])
}
