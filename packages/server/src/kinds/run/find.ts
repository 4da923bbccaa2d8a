import type { RunRow } from '../../db/run-tables.ts'
import type { Db, Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Caller } from '../kind.ts'
import { jobRunId, makeJobRun } from './job-run.ts'

/**
 * A run of the caller's team, by its id or that of its job. The run of a job is there as soon as somebody asks for
 * it by its id: its program was told that id. Throws AppError `not_found`.
 */
export async function findRun(deps: Deps, caller: Caller, reference: string): Promise<RunRow> {
  const own = await readRun(deps.db, caller.teamId, reference)
  if (own) return own
  if (/^j[0-9a-z]{16}$/.test(reference)) {
    const ofJob = await readRun(deps.db, caller.teamId, jobRunId(reference))
    if (ofJob && ofJob.deletedAt === null) return ofJob
  }
  const made = await makeJobRun(deps, caller, reference)
  if (!made) throw new AppError('not_found', { noun: 'run', id: reference })
  return made
}

/** The same, of those that are not deleted. Throws AppError `run_deleted` too. */
export async function findOpenRun(deps: Deps, caller: Caller, reference: string): Promise<RunRow> {
  const run = await findRun(deps, caller, reference)
  if (run.deletedAt !== null) throw new AppError('run_deleted', { run: run.name })
  return run
}

function readRun(db: Db, teamId: string, id: string): Promise<RunRow | undefined> {
  return db.selectFrom('runs').selectAll().where('id', '=', id).where('teamId', '=', teamId).executeTakeFirst()
}
