import type { InstanceRow } from '../../db/deployment-tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { readHidden } from '../../tasks/hidden-values.ts'
import { type Filter, type Mask, maskSecrets } from '../../tasks/logs/log-store.ts'
import { logEvent, logLineOf } from '../job/log.ts'
import type { Handlers } from '../kind.ts'
import { resolveSecrets } from '../secret.ts'
import { readRevision } from './stored.ts'
import { findDeployment, findInstance, findRevision } from './view.ts'

/** Reading the log of an instance. Values of its secrets are masked wherever they appear. */
export const deploymentLogHandlers: Pick<Handlers<'deployment'>, 'logs' | 'followLogs'> = {
  async logs({ caller, params, query }, deps) {
    const row = await findInstance(deps, await findDeployment(deps, caller, params.deployment), params.instance)
    const mask = await maskOf(deps, row)
    const filter: Filter = { ...(query.source && { source: query.source }), ...(mask && { mask }) }
    const ended = row.endedAt !== null
    if (query.tail !== undefined) {
      const lines = await deps.logs.tail(row.id, query.tail, filter)
      return { items: lines.map(logLineOf), next: await deps.logs.lastSeq(row.id), ended }
    }
    const after = query.after === undefined ? {} : { after: query.after }
    const page = await deps.logs.read(row.id, { ...filter, ...after, limit: query.limit })
    return { items: page.lines.map(logLineOf), next: page.next, ended }
  },

  async followLogs({ caller, params, query, headers, signal }, deps) {
    const row = await findInstance(deps, await findDeployment(deps, caller, params.deployment), params.instance)
    const after = Number(headers['last-event-id'] ?? query.after ?? 0)
    if (!Number.isSafeInteger(after) || after < 0) {
      throw new AppError('invalid', { detail: 'Last-Event-ID is not the number of a line.' })
    }
    // The server may have been killed after it had ended and before the log was closed.
    if (row.endedAt !== null) await deps.logs.close(row.id)
    const mask = await maskOf(deps, row)
    const window = { after, ...(query.source ? { source: query.source } : {}), ...(mask && { mask }), signal }
    return {
      events: deps.logs.streamAs(row.id, window, (piece) => logEvent(piece, String(piece.seq + piece.lines - 1), {})),
    }
  },
}

/** Undefined when there is nothing to hide. */
export async function maskOf(deps: Pick<Deps, 'db' | 'box'>, row: InstanceRow): Promise<Mask | undefined> {
  const { spec } = readRevision(await findRevision(deps.db, row.deploymentId, row.revision))
  const names = Object.values(spec.env)
    .filter((value) => value.startsWith('secret:'))
    .map((value) => value.slice('secret:'.length))
  if (names.length === 0) return undefined
  const given = await readHidden(deps as Deps, row.id)
  const present = await resolveSecrets(deps.db, deps.box, row.teamId, row.projectId, names)
  return maskSecrets([...given, ...present.values()])
}
