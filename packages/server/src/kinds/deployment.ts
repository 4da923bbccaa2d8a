import { deploymentCan, deploymentSpec, type DeploymentState, deploymentState } from '@nabla/api/deployment'
import { cursorOf, isAfter } from '../db/paging.ts'
import type { DeploymentRow } from '../db/deployment-tables.ts'
import { isUniqueViolation } from '../db/errors.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { checkCount } from './deployment/check.ts'
import { deploymentLogHandlers } from './deployment/log.ts'
import { deploymentMetricHandlers } from './deployment/metrics.ts'
import { deploymentReachHandlers } from './deployment/reach.ts'
import { makeDeployment, revise } from './deployment/revise.ts'
import { isAlone, readRevision } from './deployment/stored.ts'
import {
  type DeploymentWithNames,
  findDeployment,
  findRevision,
  selectDeployments,
  toDeployment,
  toInstance,
  toRevisions,
  toSummaries,
} from './deployment/view.ts'
import type { Caller, Handlers, Origins } from './kind.ts'
import { refuseUntrustedRevision } from './model/trust.ts'
import { findProject } from './project.ts'
import { replaceTags } from './tags.ts'

export const deploymentHandlers: Handlers<'deployment'> = {
  ...deploymentLogHandlers,
  ...deploymentMetricHandlers,
  ...deploymentReachHandlers,

  async list({ caller, query, origins }, deps) {
    const { state, limit, after } = query
    let rows = (await selectMatching(deps, caller, query)).where(
      isAfter('deployments.createdAt', 'deployments.id', after),
    )
    if (state !== undefined) rows = rows.where('deployments.state', 'in', [state].flat())
    const found = await rows
      .orderBy('deployments.createdAt', 'desc')
      .orderBy('deployments.id', 'desc')
      .limit(limit + 1)
      .execute()
    const page = found.slice(0, limit)
    const last = page.at(-1)
    return {
      items: await toSummaries(deps, page, origins),
      next: found.length > limit && last ? cursorOf(last) : null,
    }
  },

  async counts({ caller, query }, deps) {
    const rows = await (
      await selectMatching(deps, caller, query)
    )
      .clearSelect()
      .select(({ fn }) => ['deployments.state', fn.countAll<number>().as('count')])
      .groupBy('deployments.state')
      .execute()
    const found = new Map(rows.map(({ state, count }) => [state, count]))
    const byState = Object.fromEntries(deploymentState.options.map((state) => [state, found.get(state) ?? 0]))
    const total = [...found.values()].reduce((sum, count) => sum + count, 0)
    return { total, byState: byState as Record<DeploymentState, number> }
  },

  async create({ caller, body, origins }, deps) {
    const { name, project, tags, note, start, cliCommand, ...spec } = body
    const asked = { spec: deploymentSpec.parse(spec), name, project, tags, note, start, cliCommand }
    return show(deps, caller, origins, await makeDeployment(deps, caller, asked))
  },

  show: ({ caller, params, origins }, deps) => show(deps, caller, origins, params.deployment),

  async update({ caller, params, body, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const { name, tags, note, cliCommand, canaryPercent, shadow, ...changes } = body
    const given = Object.entries(changes).filter(([, value]) => value !== undefined)
    const more = { name, tags, note }
    if (given.length === 0) await rename(deps, caller, row, more)
    else {
      const revision = await findRevision(deps.db, row.id, row.revision)
      const spec = deploymentSpec.parse({ ...readRevision(revision).spec, ...Object.fromEntries(given) })
      const files =
        'workspace' in changes && changes.workspace !== undefined ? {} : { workspaceId: revision.workspaceId }
      await revise(deps, caller, row.id, { spec, cliCommand, canaryPercent, shadow, more, ...files })
    }
    return show(deps, caller, origins, row.id)
  },

  async replace({ caller, params, body, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const { cliCommand, canaryPercent, shadow, ...spec } = body
    await revise(deps, caller, row.id, { spec: deploymentSpec.parse(spec), cliCommand, canaryPercent, shadow })
    return show(deps, caller, origins, row.id)
  },

  async scale({ caller, params, body, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const revision = readRevision(await findRevision(deps.db, row.id, row.revision))
    if (revision.spec.autoscaling) {
      const detail = `The deployment ${row.name} scales by itself: change \`autoscaling\` instead.`
      throw new AppError('conflict', { detail })
    }
    checkCount(isAlone(revision), revision.spec, body.instances)
    const data = { from: row.instances, to: body.instances }
    await write(deps, caller, row, { instances: body.instances }, { type: 'deployment.scaled', data })
    return show(deps, caller, origins, row.id)
  },

  async start({ caller, params, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    if (row.startedAt === null) {
      const at = toIso(deps.clock.now())
      const spec = readRevision(await findRevision(deps.db, row.id, row.revision)).spec
      const scaledTo = spec.autoscaling === null ? null : Math.max(1, spec.autoscaling.min)
      // What failed is tried again: whoever starts it may have mended what was wrong.
      const rollout = row.rollout === 'failed' || row.servingRevision === null ? 'rolling' : row.rollout
      const changes = { startedAt: at, rolloutAt: at, state: 'starting', reason: null, rollout, scaledTo }
      await refuseUntrustedRevision(deps.db, row.id, row.revision)
      await write(deps, caller, row, changes, { type: 'deployment.started' })
    }
    return show(deps, caller, origins, row.id)
  },

  async stop({ caller, params, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    if (row.startedAt !== null) {
      await write(deps, caller, row, { startedAt: null }, { type: 'deployment.stop_requested' })
    }
    return show(deps, caller, origins, row.id)
  },

  async restart({ caller, params, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const revision = await findRevision(deps.db, row.id, row.revision)
    const { spec } = readRevision(revision)
    await revise(deps, caller, row.id, { spec, workspaceId: revision.workspaceId })
    return show(deps, caller, origins, row.id)
  },

  async rollback({ caller, params, body, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const number = body.revision ?? (await revisionBefore(deps, row))
    const revision = await findRevision(deps.db, row.id, number)
    const { spec } = readRevision(revision)
    await revise(deps, caller, row.id, { spec, workspaceId: revision.workspaceId, restoredFrom: number })
    return show(deps, caller, origins, row.id)
  },

  async promote({ caller, params, origins }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    if (row.rollout !== 'canary') {
      throw new AppError('conflict', { detail: `The deployment ${row.name} has no canary and no shadow to promote.` })
    }
    const changes = { rollout: 'rolling', canaryPercent: null, shadowAt: null, rolloutAt: toIso(deps.clock.now()) }
    const data = { revision: row.revision }
    await write(deps, caller, row, changes, { type: 'deployment.promoted', data })
    return show(deps, caller, origins, row.id)
  },

  async delete({ caller, params, query }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    if (!(deploymentCan.delete as readonly string[]).includes(row.state) && !query.force) {
      const detail = `The deployment ${row.name} is ${row.state}: stop it first, or delete it with force.`
      throw new AppError('conflict', { detail })
    }
    const deletedAt = toIso(deps.clock.now())
    await write(deps, caller, row, { deletedAt, startedAt: null }, { type: 'deployment.deleted' })
    return { deleted: true }
  },

  async wait({ caller, params, query, signal, origins }, deps) {
    const { id } = await findDeployment(deps, caller, params.deployment)
    const timeout = new AbortController()
    const cancel = deps.clock.after(query.seconds * 1000, () => timeout.abort())
    const arrived = async () => isSettled(await findDeployment(deps, caller, id))
    try {
      const after = await deps.feed.latest()
      if (query.seconds === 0 || (await arrived())) return await show(deps, caller, origins, id)
      const either = AbortSignal.any([signal, timeout.signal])
      for await (const _ of deps.feed.follow(caller.teamId, { after, subject: id, signal: either })) {
        if (await arrived()) break
      }
      return await show(deps, caller, origins, id)
    } finally {
      cancel()
    }
  },

  async revisions({ caller, params, query }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    let rows = deps.db.selectFrom('deploymentRevisions').selectAll().where('deploymentId', '=', row.id)
    if (query.after !== undefined) rows = rows.where('number', '<', Number(query.after) || 0)
    const found = await rows
      .orderBy('number', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = found.slice(0, query.limit)
    const items = await toRevisions(deps, row, page, found[query.limit])
    return { items, next: found.length > query.limit ? String(page.at(-1)!.number) : null }
  },

  async instances({ caller, params }, deps) {
    const row = await findDeployment(deps, caller, params.deployment)
    const { task } = readRevision(await findRevision(deps.db, row.id, row.revision))
    const found = await deps.db
      .selectFrom('deploymentInstances')
      .selectAll()
      .where('deploymentId', '=', row.id)
      .where('deletedAt', 'is', null)
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .execute()
    return { items: found.map((one) => toInstance(one, task.machineType, deps.gateway.outstanding(one.id))) }
  },
}

async function show(deps: Deps, caller: Caller, origins: Origins, reference: string) {
  return toDeployment(deps, await findDeployment(deps, caller, reference), origins)
}

/** The newest revision answers all requests or has failed, or nothing is wanted. */
function isSettled(row: DeploymentRow): boolean {
  if (row.startedAt === null) return row.state === 'stopped'
  if (row.rollout === 'rolling') return row.state === 'failed'
  return row.rollout !== null || ['running', 'sleeping', 'stopped', 'failed'].includes(row.state)
}

/** What answered before the newest: that which serves while the newest does not, else the last one that did not fail. */
async function revisionBefore({ db }: Pick<Deps, 'db'>, row: DeploymentWithNames): Promise<number> {
  if (row.servingRevision !== null && row.servingRevision !== row.revision) return row.servingRevision
  const found = await db
    .selectFrom('deploymentRevisions')
    .select('number')
    .where('deploymentId', '=', row.id)
    .where('number', '<', row.revision)
    .where('failedAt', 'is', null)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (found) return found.number
  throw new AppError('conflict', { detail: `The deployment ${row.name} has no earlier revision to go back to.` })
}

async function write(
  deps: Deps,
  caller: Caller,
  row: DeploymentRow,
  changes: Partial<DeploymentRow>,
  event: { type: string; data?: Record<string, unknown> },
): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    await trx
      .updateTable('deployments')
      .set(({ eb }) => ({ ...changes, updatedAt: toIso(now), version: eb('version', '+', 1) }))
      .where('id', '=', row.id)
      .where('deletedAt', 'is', null)
      .execute()
    const { teamId, projectId, id: subject, name } = row
    const data = { name, ...event.data }
    await recordEvents(trx, now, [{ teamId, projectId, subject, actor: caller.userName, type: event.type, data }])
  })
  deps.loop.wake(row.id)
}

async function rename(
  deps: Deps,
  caller: Caller,
  row: DeploymentWithNames,
  { name, note, tags }: { name: string | undefined; note: string | undefined; tags: string[] | undefined },
): Promise<void> {
  const changes = { ...(name === undefined ? {} : { name }), ...(note === undefined ? {} : { note }) }
  try {
    await change(deps, async (trx) => {
      if (Object.keys(changes).length > 0) {
        await trx.updateTable('deployments').set(changes).where('id', '=', row.id).execute()
      }
      if (tags) await replaceTags(trx, caller.teamId, row.id, tags)
      const about = { teamId: row.teamId, projectId: row.projectId, subject: row.id, actor: caller.userName }
      const data = { name: row.name, ...(name === undefined ? {} : { newName: name }), ...(tags && { tags }) }
      await recordEvents(trx, deps.clock.now(), [{ ...about, type: 'deployment.updated', data }])
    })
  } catch (error) {
    if (isUniqueViolation(error)) throw new AppError('name_taken', { noun: 'deployment', name: name ?? '' })
    throw error
  }
  deps.loop.wake(row.id)
}

interface Matching {
  project?: string | undefined
  tag?: string | undefined
  name?: string | undefined
}

async function selectMatching(deps: Deps, caller: Caller, { project, tag, name }: Matching) {
  let rows = selectDeployments(deps.db, caller.teamId)
  if (project !== undefined) {
    rows = rows.where('deployments.projectId', '=', (await findProject(deps.db, caller.teamId, project)).id)
  }
  if (name) rows = rows.where('deployments.name', '>=', name).where('deployments.name', '<', `${name}\u{10ffff}`)
  if (!tag) return rows
  const tagged = deps.db
    .selectFrom('tags')
    .select('subjectId')
    .where('teamId', '=', caller.teamId)
    .where('tag', '=', tag)
  return rows.where('deployments.id', 'in', tagged)
}
