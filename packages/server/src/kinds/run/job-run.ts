import type { RunRow } from '../../db/run-tables.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { idPrefixes } from '../../lib/ids.ts'
import { toIso } from '../../lib/clock.ts'
import type { Caller } from '../kind.ts'

/** The id of the run that a job has from the moment that its program logs anything: it is known before that. */
export const jobRunId = (jobId: string): string => idPrefixes.run + jobId.slice(idPrefixes.job.length)

const jobIdOf = (runId: string): string => idPrefixes.job + runId.slice(idPrefixes.run.length)

/** Makes the run of a job of the caller's team, if `runId` is the one of a job that has not ended; else undefined. */
export async function makeJobRun(
  deps: Deps,
  caller: Pick<Caller, 'teamId'>,
  runId: string,
): Promise<RunRow | undefined> {
  if (!runPattern.test(runId)) return undefined
  const now = deps.clock.now()
  return change(deps, async (trx) => {
    const job = await trx
      .selectFrom('jobs')
      .select(['id', 'name', 'projectId', 'createdBy', 'startedAt'])
      .where('id', '=', jobIdOf(runId))
      .where('teamId', '=', caller.teamId)
      .where('deletedAt', 'is', null)
      .where('endedAt', 'is', null)
      .executeTakeFirst()
    if (!job) return undefined
    const row: RunRow = {
      id: runId,
      teamId: caller.teamId,
      projectId: job.projectId,
      jobId: job.id,
      parentRunId: null,
      name: job.name,
      state: 'running',
      source: 'job',
      note: '',
      createdBy: job.createdBy,
      volumeId: null,
      startedAt: job.startedAt ?? toIso(now),
      endedAt: null,
      deletedAt: null,
    }
    const made = await trx
      .insertInto('runs')
      .values(row)
      .onConflict((c) => c.column('id').doNothing())
      .returningAll()
      .executeTakeFirst()
    if (!made) return trx.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow()
    const event = { teamId: row.teamId, projectId: row.projectId, subject: row.id, type: 'run.created' }
    await recordEvents(trx, now, [{ ...event, data: { name: row.name, job: job.id } }])
    return made
  })
}

const runPattern = new RegExp(`^${idPrefixes.run}[0-9a-z]{16}$`)
