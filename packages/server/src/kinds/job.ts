import { jobCan, jobState, type JobState, jobStates } from '@nabla/api/job'
import type { Deps } from '../deps.ts'
import { cursorOf, readCursor } from '../db/paging.ts'
import { queuePlace } from '../control/queue.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { fromIso, toIso } from '../lib/clock.ts'
import { countMatching, selectMatching } from './job/filter.ts'
import { loginOfClone } from './job/image.ts'
import { jobLogHandlers } from './job/log.ts'
import { jobMetricHandlers } from './job/metrics.ts'
import { readSpec } from './job/planned.ts'
import { jobExecHandlers } from './job/exec.ts'
import { jobPackageHandlers } from './job/packages.ts'
import { jobPortHandlers } from './job/ports.ts'
import { submitJob } from './job/submit.ts'
import { findJob, type JobWithNames, readJobParts, toJob, toSummary } from './job/view.ts'
import { sameVersions } from './dataset/mounts.ts'
import { sameModels } from './model/mounts.ts'
import type { Caller, Handlers } from './kind.ts'
import { findProject } from './project.ts'
import type { Task } from '../tasks/task.ts'
import { replaceTags } from './tags.ts'

export const jobHandlers: Handlers<'job'> = {
  ...jobLogHandlers,
  ...jobMetricHandlers,
  ...jobExecHandlers,
  ...jobPortHandlers,
  ...jobPackageHandlers,

  async list({ caller, query }, deps) {
    const { project, state, tag, name } = query
    const projectId = project === undefined ? undefined : (await findProject(deps.db, caller.teamId, project)).id
    let rows = await selectMatching(deps.db, caller.teamId, {
      projectId,
      states: state === undefined ? undefined : [state].flat(),
      tag: tag || undefined,
      name: name || undefined,
    })
    if (query.after) {
      const { createdAt, id } = readCursor(query.after)
      rows = rows.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('jobs.createdAt', 'jobs.id'), '<', tuple(createdAt, id)),
      )
    }
    const found = await rows
      .orderBy('jobs.createdAt', 'desc')
      .orderBy('jobs.id', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = found.slice(0, query.limit)
    const tags = await tagsOf(deps, page)
    const last = page.at(-1)
    return {
      items: page.map((row) => toSummary(row, tags.get(row.id) ?? [])),
      next: found.length > query.limit && last ? cursorOf(last) : null,
    }
  },

  async counts({ caller, query }, deps) {
    const { project, tag, name } = query
    const projectId = project === undefined ? undefined : (await findProject(deps.db, caller.teamId, project)).id
    const filter = { projectId, tag: tag || undefined, name: name || undefined }
    const rows = await countMatching(deps.db, caller.teamId, filter)
    const found = new Map(rows.map(({ state, jobs }) => [state, jobs]))
    const byState = Object.fromEntries(jobState.options.map((state) => [state, found.get(state) ?? 0]))
    return { total: rows.reduce((sum, { jobs }) => sum + jobs, 0), byState: byState as Record<JobState, number> }
  },

  async create({ caller, body }, deps) {
    return showJob(deps, caller, await submitJob(deps, caller, body))
  },

  show: ({ caller, params }, deps) => showJob(deps, caller, params.job),

  async update({ caller, params, body }, deps) {
    const row = await findJob(deps, caller, params.job)
    await change(deps, async (trx) => {
      if (body.priority !== undefined) {
        if (row.state !== 'pending') {
          throw new AppError('conflict', { detail: `Job ${row.name} is ${row.state}: its priority no longer matters.` })
        }
        // The job first: a task that the loop is making of it meanwhile is there when its row is ours.
        await trx
          .updateTable('jobs')
          .set(({ eb }) => ({ spec: withPriority(row, body.priority!), version: eb('version', '+', 1) }))
          .where('id', '=', row.id)
          .execute()
        await trx
          .updateTable('tasks')
          .set(({ eb }) => ({ priority: body.priority!, version: eb('version', '+', 1) }))
          .where('ownerId', '=', row.id)
          .where('state', '=', 'queued')
          .execute()
      }
      if (body.name !== undefined) {
        await trx.updateTable('jobs').set({ name: body.name }).where('id', '=', row.id).execute()
      }
      if (body.tags) await replaceTags(trx, caller.teamId, row.id, body.tags)
      await recordEvents(trx, deps.clock.now(), [
        { ...about(row, caller), type: 'job.updated', data: { name: row.name, ...body } },
      ])
    })
    deps.loop.wake(row.id)
    return showJob(deps, caller, row.id)
  },

  async wait({ caller, params, query, signal }, deps) {
    const { id } = await findJob(deps, caller, params.job)
    const timeout = new AbortController()
    const cancel = deps.clock.after(query.seconds * 1000, () => timeout.abort())
    const arrived = async () => {
      const { state } = await findJob(deps, caller, id)
      return jobStates[state as JobState].ended || state === query.state
    }
    try {
      const after = await deps.feed.latest()
      if (query.seconds === 0 || (await arrived())) return await showJob(deps, caller, id)
      const either = AbortSignal.any([signal, timeout.signal])
      for await (const _ of deps.feed.follow(caller.teamId, { after, subject: id, signal: either })) {
        if (await arrived()) break
      }
      return await showJob(deps, caller, id)
    } finally {
      cancel()
    }
  },

  async stop({ caller, params, body }, deps) {
    const row = await findJob(deps, caller, params.job)
    if (can('stop', row)) await requestStop(deps, caller, row, body.graceSeconds * 1000)
    return showJob(deps, caller, row.id)
  },

  async clone({ caller, params, body }, deps) {
    const row = await findJob(deps, caller, params.job)
    const stored = readSpec(row)
    const tags = await tagsOf(deps, [row])
    const { name, project, tags: newTags, ...changes } = body
    const id = await submitJob(deps, caller, {
      ...stored.spec,
      // Those very versions, also where a dataset has another name by now, or a tag has moved on.
      datasets: await sameVersions(deps.db, row.id),
      models: await sameModels(deps.db, row.id),
      ...given(changes),
      ...(name === undefined ? {} : { name }),
      project: project ?? row.projectId,
      tags: newTags ?? tags.get(row.id) ?? [],
      parentJobId: row.id,
      workspaceId: row.workspaceId,
      sealedLogin: loginOfClone(stored, { ...stored.spec, ...given(changes) }),
    })
    return showJob(deps, caller, id)
  },

  async delete({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    if (!can('delete', row) && !query.force) {
      const detail = `Job ${row.name} is ${row.state}: stop it first, or delete it with force.`
      throw new AppError('conflict', { detail })
    }
    await refuseActiveNode(deps, row)
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      await trx
        .updateTable('jobs')
        .set(({ eb }) => ({
          deletedAt: toIso(now),
          stopRequestedAt: row.stopRequestedAt ?? toIso(now),
          stopGraceMs: 0,
          version: eb('version', '+', 1),
        }))
        .where('id', '=', row.id)
        .execute()
      await recordEvents(trx, now, [{ ...about(row, caller), type: 'job.deleted', data: { name: row.name } }])
    })
    deps.loop.wake(row.id)
    return { deleted: true }
  },
}

/** All there is to say about a job of the caller's team. */
export async function showJob(deps: Deps, caller: Caller, reference: string) {
  const row = await findJob(deps, caller, reference)
  const parts = await readJobParts(deps.db, row)
  const queue = row.state === 'pending' ? await queueOf(deps, row, parts.latest) : null
  return toJob(row, { ...parts, queue, firstOutputAt: await firstOutputOf(deps, parts.latest) })
}

async function firstOutputOf({ logs }: Pick<Deps, 'logs'>, task: Task | null): Promise<string | null> {
  if (!task || task.startedAt === null) return null
  const at = await logs.firstOutput(task.ownerId, task.attempt, fromIso(task.startedAt))
  return at === null ? null : toIso(at)
}

/** The experiment tells by its jobs how far it is. */
async function refuseActiveNode(deps: Deps, row: JobWithNames): Promise<void> {
  if (row.experimentId === null) return
  const experiment = await deps.db
    .selectFrom('experiments')
    .select(['name', 'endedAt'])
    .where('id', '=', row.experimentId)
    .executeTakeFirst()
  if (!experiment || experiment.endedAt !== null) return
  const detail = `Job ${row.name} belongs to the experiment ${experiment.name}, which has not ended: delete that.`
  throw new AppError('conflict', { detail })
}

async function queueOf(deps: Deps, row: JobWithNames, latest: Parameters<typeof queuePlace>[1] | null) {
  if (latest?.state === 'queued') return queuePlace(deps, latest)
  if (row.reason === null) return { position: 1, why: 'it is about to be queued' }
  // Without a task it waits for what it reads, and the reason says so.
  return { position: 1, why: latest === null ? plainReason(row.reason) : 'it will be tried again shortly' }
}

/** A sentence as a part of one. */
const plainReason = (reason: string): string => reason.replace(/^I/, 'i').replace(/\.$/, '')

async function requestStop(deps: Deps, caller: Caller, row: JobWithNames, graceMs: number): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    const asked = await trx
      .updateTable('jobs')
      .set(({ eb }) => ({
        stopRequestedAt: toIso(now),
        stopGraceMs: Math.round(graceMs),
        version: eb('version', '+', 1),
      }))
      .where('id', '=', row.id)
      .where('endedAt', 'is', null)
      .where('stopRequestedAt', 'is', null)
      .executeTakeFirst()
    if (asked.numUpdatedRows === 0n) return
    await recordEvents(trx, now, [
      { ...about(row, caller), type: 'job.stop_requested', data: { name: row.name, graceMs } },
    ])
  })
  deps.loop.wake(row.id)
}

const can = (action: keyof typeof jobCan, row: JobWithNames): boolean =>
  (jobCan[action] as readonly string[]).includes(row.state)

/** Without the fields that were left out, so that they change nothing. */
function given<T extends object>(changes: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(changes).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}

const about = (row: JobWithNames, caller: Caller) => ({
  teamId: row.teamId,
  projectId: row.projectId,
  subject: row.id,
  actor: caller.userName,
})

function withPriority(row: JobWithNames, priority: number): string {
  const stored = readSpec(row)
  return JSON.stringify({ spec: { ...stored.spec, priority }, task: { ...stored.task, priority } })
}

async function tagsOf(deps: Pick<Deps, 'db'>, rows: readonly { id: string }[]): Promise<Map<string, string[]>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map((row) => row.id)
  const tags = await deps.db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  return new Map([...Map.groupBy(tags, (row) => row.subjectId)].map(([id, own]) => [id, own.map(({ tag }) => tag)]))
}
