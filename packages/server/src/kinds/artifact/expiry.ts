import type { Kysely } from 'kysely'
import type { RetentionRuleRow, Tables } from '../../db/tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { referredVolumes } from './referred.ts'

export type Bounds = Pick<RetentionRuleRow, 'keepLast' | 'keepDays'>

/** Artifacts that a rule does not keep. */
export interface Expired {
  jobId: string
  jobName: string
  projectId: string
  projectName: string
  endedAt: string
  volumeId: string
  files: number
  sizeBytes: number
}

const dayMs = 24 * 3_600_000

/** The rule that holds for each project of a team, where there is one. */
export async function rulesByProject(db: Kysely<Tables>, teamId: string): Promise<Map<string, Bounds>> {
  const rules = await db.selectFrom('retentionRules').selectAll().where('teamId', '=', teamId).execute()
  const ofTeam = rules.find(({ projectId }) => projectId === '')
  const projects = await db
    .selectFrom('projects')
    .select('id')
    .where('teamId', '=', teamId)
    .where('deletedAt', 'is', null)
    .execute()
  const held = projects.map(({ id }) => [id, rules.find(({ projectId }) => projectId === id) ?? ofTeam] as const)
  return new Map(held.flatMap(([id, rule]) => (rule ? [[id, rule] as const] : [])))
}

/**
 * Artifacts of a project that a rule does not keep, latest first: of jobs that have ended and that no task holds any
 * more, not among the latest that left something, and ended long enough ago. What something refers to is kept.
 */
export async function expiredOf(
  trx: Trx,
  projectId: string,
  { keepLast, keepDays }: Bounds,
  options: { now: number; limit: number },
): Promise<Expired[]> {
  if (keepLast === null && keepDays === null) return []
  const rows = await trx
    .selectFrom('jobs')
    .innerJoin('volumes', 'volumes.id', 'jobs.artifactsId')
    .innerJoin('projects', 'projects.id', 'jobs.projectId')
    .select(['jobs.id as jobId', 'jobs.name as jobName', 'jobs.projectId', 'projects.name as projectName'])
    .select(['jobs.endedAt', 'volumes.id as volumeId', 'volumes.files', 'volumes.sizeBytes'])
    .where('jobs.projectId', '=', projectId)
    .where('jobs.endedAt', 'is not', null)
    .where('jobs.deletedAt', 'is', null)
    .where('volumes.deletedAt', 'is', null)
    .where('volumes.files', '>', 0)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('tasks')
            .select('tasks.id')
            .whereRef('tasks.ownerId', '=', 'jobs.id')
            .where('tasks.removedAt', 'is', null),
        ),
      ),
    )
    .orderBy('jobs.endedAt', 'desc')
    .orderBy('jobs.id', 'desc')
    .execute()
  const before = keepDays === null ? null : toIso(options.now - keepDays * dayMs)
  const old = rows
    .slice(keepLast ?? 0)
    .flatMap(({ endedAt, ...row }) => (endedAt === null ? [] : [{ ...row, endedAt }]))
    .filter(({ endedAt }) => before === null || endedAt < before)
  const ids = old.map(({ volumeId }) => volumeId)
  const referred = ids.length === 0 ? new Set<string>() : await referredVolumes(trx, ids)
  return old.filter(({ volumeId }) => !referred.has(volumeId)).slice(0, options.limit)
}

/** When each server has looked last, on its steady clock. */
const looked = new WeakMap<object, number>()

/**
 * Deletes artifacts that no rule keeps, now and then. First they are marked as deleted, with an event, then their files
 * go, and only then it is forgotten that there are files: a crash between is made up for by the next round.
 */
export async function sweepExpired(deps: Deps): Promise<void> {
  const now = deps.clock.steady()
  if (now - (looked.get(deps) ?? -Infinity) < limits.retentionMs) return
  looked.set(deps, now)
  const teams = await deps.db.selectFrom('retentionRules').select('teamId').distinct().execute()
  for (const { teamId } of teams) {
    for (const [projectId, rule] of await rulesByProject(deps.db, teamId))
      await markExpired(deps, teamId, projectId, rule)
  }
  await removeMarked(deps)
}

async function markExpired(deps: Deps, teamId: string, projectId: string, rule: Bounds): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    const expired = await expiredOf(trx, projectId, rule, { now, limit: limits.retentionBatch })
    if (expired.length === 0) return
    const ids = expired.map(({ volumeId }) => volumeId)
    await trx
      .updateTable('volumes')
      .set({ deletedAt: toIso(now) })
      .where('id', 'in', ids)
      .execute()
    const { keepLast, keepDays } = rule
    const events = expired.map(({ jobId, files, sizeBytes }) => ({
      teamId,
      projectId,
      subject: jobId,
      type: 'artifacts.deleted',
      data: { files, sizeBytes, rule: { keepLast, keepDays } },
    }))
    await recordEvents(trx, now, events)
  })
}

async function removeMarked({ db, volumes }: Deps): Promise<void> {
  const marked = await db
    .selectFrom('volumes')
    .select('id')
    .where('purpose', '=', 'artifacts')
    .where('deletedAt', 'is not', null)
    .where('files', '>', 0)
    .execute()
  for (const { id } of marked) {
    await volumes.removeVolume(id)
    await db.updateTable('volumes').set({ files: 0, sizeBytes: 0 }).where('id', '=', id).execute()
  }
}
