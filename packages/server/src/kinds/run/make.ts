import type { RunState } from '@nabla/api/run'
import type { RunRow } from '../../db/run-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { keepNames } from '../../tracking/names.ts'
import { friendlyName } from '../job/name.ts'
import type { Caller } from '../kind.ts'
import { replaceTags } from '../tags.ts'

export interface NewRun {
  projectId: string
  name?: string | undefined
  parentRunId?: string | undefined
  source: 'mlflow' | 'api'
  /** Milliseconds since the epoch; now, if left out. */
  startedMs?: number | undefined
  labels?: ReadonlyMap<string, string>
  tags?: readonly string[]
}

/** Begins a run. One that the program of a job begins belongs to that job. Throws AppError `not_found`. */
export async function makeRun(deps: Deps, caller: Caller, given: NewRun): Promise<RunRow> {
  const now = deps.clock.now()
  return change(deps, async (trx) => {
    if (given.parentRunId !== undefined) await assertRun(trx, caller, given.parentRunId)
    const row: RunRow = {
      id: newId('run'),
      teamId: caller.teamId,
      projectId: given.projectId,
      jobId: caller.jobId ?? null,
      parentRunId: given.parentRunId ?? null,
      name: given.name ?? friendlyName(),
      state: 'running' satisfies RunState,
      source: given.source,
      note: given.labels?.get('mlflow.note.content') ?? '',
      createdBy: caller.userId,
      volumeId: null,
      startedAt: toIso(given.startedMs ?? now),
      endedAt: null,
      deletedAt: null,
    }
    await trx.insertInto('runs').values(row).execute()
    const labels = [...(given.labels ?? [])].map(([name, value]) => ({ runId: row.id, name, value }))
    if (labels.length > 0) await trx.insertInto('runLabels').values(labels).execute()
    await keepNames(
      trx,
      labels.map(({ name }) => ({ projectId: row.projectId, kind: 'label', name })),
    )
    if (given.tags) await replaceTags(trx, caller.teamId, row.id, given.tags)
    const { teamId, projectId } = row
    const event = { teamId, projectId, subject: row.id, type: 'run.created', actor: caller.userName }
    await recordEvents(trx, now, [{ ...event, data: { name: row.name } }])
    return row
  })
}

async function assertRun(trx: Trx, caller: Caller, id: string): Promise<void> {
  const found = await trx
    .selectFrom('runs')
    .select('id')
    .where('id', '=', id)
    .where('teamId', '=', caller.teamId)
    .executeTakeFirst()
  if (!found) throw new AppError('not_found', { noun: 'run', id })
}
