import type { Expiring, RetentionRule } from '@nabla/api/artifact'
import type { ProjectRow, RetentionRuleRow } from '../../db/tables.ts'
import { inTransaction } from '../../db/transaction.ts'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import { AppError } from '../../lib/app-error.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { Caller, Handlers } from '../kind.ts'
import { findProject } from '../project.ts'
import { type Bounds, type Expired, expiredOf, rulesByProject } from './expiry.ts'

type RetentionRoutes = 'showRetention' | 'setRetention' | 'clearRetention' | 'previewRetention'

/** Rules that say how long artifacts are kept. */
export const retentionHandlers: Pick<Handlers<'artifact'>, RetentionRoutes> = {
  async showRetention({ caller, query }, deps) {
    const project = await projectOf(deps, caller, query.project)
    const rows = await deps.db
      .selectFrom('retentionRules')
      .leftJoin('projects', 'projects.id', 'retentionRules.projectId')
      .selectAll('retentionRules')
      .select('projects.name')
      .where('retentionRules.teamId', '=', caller.teamId)
      .where('projects.deletedAt', 'is', null)
      .orderBy('projects.name')
      .execute()
    const items = rows
      .map((row) => toRule(row, row.projectId === '' ? null : { id: row.projectId, name: row.name ?? '' }))
      .sort((a, b) => (a.project?.name ?? '').localeCompare(b.project?.name ?? ''))
    if (!project) return { items }
    const own = items.find((rule) => rule.project?.id === project.id) ?? items.find((rule) => rule.project === null)
    return { items: own ? [own] : [] }
  },

  async setRetention({ caller, query, body }, deps) {
    const project = await projectOf(deps, caller, query.project)
    if (body.keepLast === null && body.keepDays === null) {
      throw new AppError('invalid', {
        detail: 'A rule says how many jobs (keepLast) or how many days (keepDays) to keep.',
      })
    }
    checkMayChange(caller, project)
    const now = deps.clock.now()
    const row: RetentionRuleRow = {
      teamId: caller.teamId,
      projectId: project?.id ?? '',
      ...body,
      updatedAt: toIso(now),
    }
    await change(deps, async (trx) => {
      const { keepLast, keepDays, updatedAt } = row
      await trx
        .insertInto('retentionRules')
        .values(row)
        .onConflict((c) => c.columns(['teamId', 'projectId']).doUpdateSet({ keepLast, keepDays, updatedAt }))
        .execute()
      await recordEvents(trx, now, [eventOf(caller, project, 'retention.set', { ...body })])
    })
    return toRule(row, project)
  },

  async clearRetention({ caller, query }, deps) {
    const project = await projectOf(deps, caller, query.project)
    checkMayChange(caller, project)
    const cleared = await change(deps, async (trx) => {
      const { numDeletedRows } = await trx
        .deleteFrom('retentionRules')
        .where('teamId', '=', caller.teamId)
        .where('projectId', '=', project?.id ?? '')
        .executeTakeFirst()
      if (numDeletedRows === 0n) return false
      await recordEvents(trx, deps.clock.now(), [eventOf(caller, project, 'retention.cleared', {})])
      return true
    })
    return { cleared }
  },

  async previewRetention({ caller, query, body }, deps) {
    const project = await projectOf(deps, caller, query.project)
    const rules = await rulesFor(deps, caller, project, body)
    const found: Expired[] = []
    for (const [projectId, rule] of rules) {
      const options = { now: deps.clock.now(), limit: limits.retentionBatch + 1 }
      found.push(...(await inTransaction(deps.db, (trx) => expiredOf(trx, projectId, rule, options))))
    }
    found.sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1))
    const items = found.slice(0, limits.retentionBatch).map(toExpiring)
    return { items, complete: items.length === found.length }
  },
}

async function projectOf({ db }: Deps, caller: Caller, reference: string | undefined): Promise<ProjectRow | null> {
  return reference === undefined ? null : findProject(db, caller.teamId, reference)
}

function checkMayChange(caller: Caller, project: ProjectRow | null): void {
  if (project === null && caller.role !== 'admin') {
    throw new AppError('forbidden', { action: 'change how long the artifacts of the whole team are kept' })
  }
}

/** The rules as they are, or with the one that is tried out in its place. */
async function rulesFor(
  { db }: Deps,
  caller: Caller,
  project: ProjectRow | null,
  tried: { keepLast?: number | null | undefined; keepDays?: number | null | undefined },
): Promise<Map<string, Bounds>> {
  const present = await rulesByProject(db, caller.teamId)
  const isTried = tried.keepLast !== undefined || tried.keepDays !== undefined
  const rule: Bounds = { keepLast: tried.keepLast ?? null, keepDays: tried.keepDays ?? null }
  if (project) {
    const own = isTried ? rule : present.get(project.id)
    return new Map(own ? [[project.id, own]] : [])
  }
  if (!isTried) return present
  const own = await db.selectFrom('retentionRules').select('projectId').where('teamId', '=', caller.teamId).execute()
  const projects = await db
    .selectFrom('projects')
    .select('id')
    .where('teamId', '=', caller.teamId)
    .where('deletedAt', 'is', null)
    .execute()
  const kept = new Set(own.map(({ projectId }) => projectId))
  return new Map(projects.map(({ id }) => [id, kept.has(id) ? (present.get(id) ?? rule) : rule]))
}

function toRule({ keepLast, keepDays, updatedAt }: RetentionRuleRow, project: RetentionRule['project']): RetentionRule {
  return { project, keepLast, keepDays, updatedAt }
}

function toExpiring({ jobId, jobName, projectId, projectName, endedAt, files, sizeBytes }: Expired): Expiring {
  const project = { id: projectId, name: projectName }
  return { job: { id: jobId, name: jobName }, project, endedAt, files, sizeBytes }
}

function eventOf(caller: Caller, project: ProjectRow | null, type: string, data: Record<string, unknown>) {
  const subject = project?.id ?? caller.teamId
  const named = { name: project?.name ?? caller.teamName, ...data }
  return { teamId: caller.teamId, projectId: project?.id ?? null, subject, type, actor: caller.userName, data: named }
}
