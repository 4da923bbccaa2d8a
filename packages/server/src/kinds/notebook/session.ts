import type { NotebookRow } from '../../db/notebook-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Caller } from '../kind.ts'
import { readInstalled, toRequirements } from './installed.ts'
import { beginSession, checkSpec } from './make.ts'
import { readNotebook, type StoredNotebook } from './planned.ts'
import { findNotebook, type NotebookWithNames } from './view.ts'

/**
 * Starts a notebook. Of two that ask at once one starts it, and the other finds it started; but who asks for another
 * machine type than it has is told so. Throws AppError `conflict` and what `checkSpec` throws.
 */
export async function startNotebook(
  deps: Deps,
  caller: Caller,
  row: NotebookWithNames,
  asked: { machineType?: string | undefined; rebuild: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (deps.ballast.isReleased) throw new AppError('disk_full')
  const { machineType } = asked
  const endedAt = row.stopRequestedAt === null ? row.endedAt : await untilEnded(deps, caller, row, signal)
  if (asked.rebuild && endedAt !== null) await rebuildNotebook(deps, caller, row)
  await change(deps, async (trx) => {
    const now = deps.clock.now()
    const present = await findNotebook({ db: trx }, caller, row.id)
    if (present.endedAt === null) {
      if (present.stopRequestedAt !== null) {
        throw new AppError('conflict', { detail: `The notebook ${row.name} is still being stopped: start it then.` })
      }
      if (machineType === undefined || machineType === present.machineType) return
      const detail = `The notebook ${row.name} is ${present.state} on ${present.machineType}: stop it first.`
      throw new AppError('conflict', { detail })
    }
    const stored = readNotebook(present)
    const spec = machineType === undefined ? stored.spec : { ...stored.spec, machineType }
    await checkSpec(deps, trx, caller, present.projectId, spec, present.sealedLogin !== null)
    const text = JSON.stringify({ ...stored, spec } satisfies StoredNotebook)
    if (!(await beginSession(deps, trx, { ...present, spec: text }, now))) return
    const data = { name: present.name, session: present.session + 1 }
    await recordEvents(trx, now, [{ ...about(present, caller), type: 'notebook.started', data }])
  })
  deps.loop.wake(row.id)
}

/** Waits for a moment until the session that is being stopped has ended. Answers when it did; null: it has not. */
async function untilEnded(
  deps: Deps,
  caller: Caller,
  { id }: NotebookRow,
  signal: AbortSignal,
): Promise<string | null> {
  const look = async () => (await findNotebook(deps, caller, id)).endedAt
  const timeout = new AbortController()
  const cancel = deps.clock.after(limits.notebookStopWaitMs, () => timeout.abort())
  try {
    const after = await deps.feed.latest()
    let endedAt = await look()
    if (endedAt !== null) return endedAt
    const either = AbortSignal.any([signal, timeout.signal])
    for await (const _ of deps.feed.follow(caller.teamId, { after, subject: id, signal: either })) {
      endedAt = await look()
      if (endedAt !== null) return endedAt
    }
    return null
  } finally {
    cancel()
  }
}

/** Asks the session that is under way to end. */
export async function stopNotebook(deps: Deps, caller: Caller, row: NotebookRow, graceMs: number): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    const asked = await trx
      .updateTable('notebooks')
      .set(({ eb }) => ({ stopRequestedAt: toIso(now), stopGraceMs: graceMs, version: eb('version', '+', 1) }))
      .where('id', '=', row.id)
      .where('session', '=', row.session)
      .where('endedAt', 'is', null)
      .where('stopRequestedAt', 'is', null)
      .executeTakeFirst()
    if (asked.numUpdatedRows === 0n) return
    await recordEvents(trx, now, [
      { ...about(row, caller), type: 'notebook.stop_requested', data: { name: row.name, graceMs } },
    ])
  })
  deps.loop.wake(row.id)
}

/** Lets it run on for so long from now, and moves its hard limit as far. */
export async function extendNotebook(deps: Deps, caller: Caller, row: NotebookRow, seconds: number): Promise<void> {
  const now = deps.clock.now()
  const until = Math.max(now + seconds * 1000, row.extendedUntil === null ? 0 : fromIso(row.extendedUntil))
  await change(deps, async (trx) => {
    const extended = await trx
      .updateTable('notebooks')
      .set(({ eb }) => ({
        extendedUntil: toIso(until),
        extendedMs: eb('extendedMs', '+', seconds * 1000),
        warnedAt: null,
        // What was decided by the old limit is decided again.
        wakeAt: toIso(now),
        version: eb('version', '+', 1),
      }))
      .where('id', '=', row.id)
      .where('session', '=', row.session)
      .where('endedAt', 'is', null)
      .executeTakeFirst()
    if (extended.numUpdatedRows === 0n) return
    const data = { name: row.name, until: toIso(until) }
    await recordEvents(trx, now, [{ ...about(row, caller), type: 'notebook.extended', data }])
  })
  deps.loop.wake(row.id)
}

/** The next session makes the environment anew: what somebody had asked for is declared from now on. */
export async function rebuildNotebook(deps: Deps, caller: Caller, row: NotebookRow): Promise<void> {
  const installed = await readInstalled(deps.volumes.volumeDir(row.environmentId))
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    await declare(trx, row.id, toRequirements(installed.items), toIso(now))
    await recordEvents(trx, now, [
      { ...about(row, caller), type: 'notebook.rebuild_requested', data: { name: row.name } },
    ])
  })
}

async function declare(trx: Trx, id: string, installed: readonly string[], at: string): Promise<void> {
  const row = await trx.selectFrom('notebooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const stored = readNotebook(row)
  const spec = { ...stored.spec, packages: mergePackages(stored.spec.packages, installed) }
  await trx
    .updateTable('notebooks')
    .set(({ eb }) => ({
      spec: JSON.stringify({ ...stored, spec } satisfies StoredNotebook),
      rebuildRequestedAt: at,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', id)
    .where('endedAt', 'is not', null)
    .execute()
}

/** What is declared, with what was installed since: of one package the version that was installed. */
export function mergePackages(declared: readonly string[], installed: readonly string[]): string[] {
  const names = new Set(installed.map(nameOf))
  return [...declared.filter((line) => !names.has(nameOf(line))), ...installed]
}

/** The name of a package as PEP 503 has it: https://peps.python.org/pep-0503/#normalized-names */
const nameOf = (line: string): string =>
  (/^\s*([\w.-]+)/.exec(line)?.[1] ?? line).toLowerCase().replaceAll(/[-_.]+/g, '-')

/** Fields of an event about a notebook. */
export const about = (row: Pick<NotebookRow, 'teamId' | 'projectId' | 'id'>, caller: Caller) => ({
  teamId: row.teamId,
  projectId: row.projectId,
  subject: row.id,
  actor: caller.userName,
})
