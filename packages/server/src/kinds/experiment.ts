import {
  type cloneExperiment,
  experimentCan,
  type ExperimentSpec,
  experimentSpec,
  type ExperimentState,
  experimentState,
  experimentStates,
} from '@nabla/api/experiment'
import type { z } from 'zod'
import { cursorOf, isAfter } from '../db/paging.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { sameVersions } from './dataset/mounts.ts'
import { deleteExperiment } from './experiment/delete.ts'
import { experimentLogHandlers } from './experiment/log.ts'
import { makeExperiment } from './experiment/make.ts'
import { readExperimentSpec } from './experiment/planned.ts'
import {
  type ExperimentWithNames,
  findExperiment,
  selectExperiments,
  toExperiment,
  toExperimentSummary,
} from './experiment/view.ts'
import type { Caller, Handlers } from './kind.ts'
import { sameModels } from './model/mounts.ts'
import { findProject } from './project.ts'
import { replaceTags } from './tags.ts'

export const experimentHandlers: Handlers<'experiment'> = {
  ...experimentLogHandlers,

  async list({ caller, query }, deps) {
    const { state, limit, after } = query
    let rows = (await selectMatching(deps, caller, query)).where(
      isAfter('experiments.createdAt', 'experiments.id', after),
    )
    if (state !== undefined) rows = rows.where('experiments.state', 'in', [state].flat())
    const found = await rows
      .orderBy('experiments.createdAt', 'desc')
      .orderBy('experiments.id', 'desc')
      .limit(limit + 1)
      .execute()
    const page = found.slice(0, limit)
    const tags = await tagsOf(deps, page)
    const last = page.at(-1)
    return {
      items: page.map((row) => toExperimentSummary(row, tags.get(row.id) ?? [])),
      next: found.length > limit && last ? cursorOf(last) : null,
    }
  },

  async counts({ caller, query }, deps) {
    const rows = await (
      await selectMatching(deps, caller, query)
    )
      .clearSelect()
      .select(({ fn }) => ['experiments.state', fn.countAll<number>().as('count')])
      .groupBy('experiments.state')
      .execute()
    const found = new Map(rows.map(({ state, count }) => [state, count]))
    const byState = Object.fromEntries(experimentState.options.map((state) => [state, found.get(state) ?? 0]))
    const total = [...found.values()].reduce((sum, count) => sum + count, 0)
    return { total, byState: byState as Record<ExperimentState, number> }
  },

  async create({ caller, body }, deps) {
    const { name, project, tags, note, start, cliCommand, ...spec } = body
    const asked = { spec: experimentSpec.parse(spec), name, project, tags, note, start, cliCommand }
    return show(deps, caller, await makeExperiment(deps, caller, asked))
  },

  show: ({ caller, params }, deps) => show(deps, caller, params.experiment),

  async update({ caller, params, body }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    const { name, note, tags } = body
    await change(deps, async (trx) => {
      const changes = { ...(name === undefined ? {} : { name }), ...(note === undefined ? {} : { note }) }
      if (Object.keys(changes).length > 0) {
        await trx.updateTable('experiments').set(changes).where('id', '=', row.id).execute()
      }
      if (tags) await replaceTags(trx, caller.teamId, row.id, tags)
      const data = { name: row.name, ...(name === undefined ? {} : { newName: name }), ...(tags && { tags }) }
      await recordEvents(trx, deps.clock.now(), [{ ...about(row, caller), type: 'experiment.updated', data }])
    })
    return show(deps, caller, row.id)
  },

  async start({ caller, params }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      const started = await trx
        .updateTable('experiments')
        .set(({ eb }) => ({ startRequestedAt: toIso(now), state: 'pending', version: eb('version', '+', 1) }))
        .where('id', '=', row.id)
        .where('startRequestedAt', 'is', null)
        .where('endedAt', 'is', null)
        .executeTakeFirst()
      if (started.numUpdatedRows === 0n) return
      await recordEvents(trx, now, [{ ...about(row, caller), type: 'experiment.started', data: { name: row.name } }])
    })
    deps.loop.wake(row.id)
    return show(deps, caller, row.id)
  },

  async stop({ caller, params, body }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    if (row.state === 'created') {
      const detail = `The experiment ${row.name} was never started: start it, or delete it.`
      throw new AppError('conflict', { detail })
    }
    await requestStop(deps, caller, row, Math.round(body.graceSeconds * 1000))
    return show(deps, caller, row.id)
  },

  async clone({ caller, params, body }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    const { name, project, tags, note, start, cliCommand, ...changes } = body
    const id = await makeExperiment(deps, caller, {
      spec: await cloneOf(deps, row, changes),
      name,
      project: project ?? row.projectId,
      tags: tags ?? (await tagsOf(deps, [row])).get(row.id) ?? [],
      note: note ?? row.note,
      start,
      cliCommand,
      parentId: row.id,
      workspaceId: row.workspaceId,
    })
    return show(deps, caller, id)
  },

  async wait({ caller, params, query, signal }, deps) {
    const { id } = await findExperiment(deps, caller, params.experiment)
    const timeout = new AbortController()
    const cancel = deps.clock.after(query.seconds * 1000, () => timeout.abort())
    const arrived = async () => {
      const { state } = await findExperiment(deps, caller, id)
      return experimentStates[state as ExperimentState].ended || state === query.state
    }
    try {
      const after = await deps.feed.latest()
      if (query.seconds === 0 || (await arrived())) return await show(deps, caller, id)
      const either = AbortSignal.any([signal, timeout.signal])
      for await (const _ of deps.feed.follow(caller.teamId, { after, subject: id, signal: either })) {
        if (await arrived()) break
      }
      return await show(deps, caller, id)
    } finally {
      cancel()
    }
  },

  async delete({ caller, params, query }, deps) {
    const row = await findExperiment(deps, caller, params.experiment)
    if (!can('delete', row) && !query.force) {
      const detail = `The experiment ${row.name} is ${row.state}: stop it first, or delete it with force.`
      throw new AppError('conflict', { detail })
    }
    const now = deps.clock.now()
    const jobs = await change(deps, (trx) => deleteExperiment(trx, row, caller.userName, now))
    for (const id of [row.id, ...jobs]) deps.loop.wake(id)
    return { deleted: true }
  },
}

async function show(deps: Deps, caller: Caller, reference: string) {
  return toExperiment(deps.db, await findExperiment(deps, caller, reference))
}

interface Filter {
  project?: string | undefined
  tag?: string | undefined
  name?: string | undefined
  kind?: string | undefined
}

async function selectMatching(deps: Deps, caller: Caller, { project, tag, name, kind }: Filter) {
  let rows = selectExperiments(deps.db, caller.teamId)
  if (project !== undefined) {
    rows = rows.where('experiments.projectId', '=', (await findProject(deps.db, caller.teamId, project)).id)
  }
  if (kind !== undefined) rows = rows.where('experiments.kind', '=', kind)
  if (name) rows = rows.where('experiments.name', '>=', name).where('experiments.name', '<', `${name}\u{10ffff}`)
  if (!tag) return rows
  const tagged = deps.db
    .selectFrom('tags')
    .select('subjectId')
    .where('teamId', '=', caller.teamId)
    .where('tag', '=', tag)
  return rows.where('experiments.id', 'in', tagged)
}

type Changes = Omit<z.output<typeof cloneExperiment>, 'name' | 'project' | 'tags' | 'note' | 'start' | 'cliCommand'>

/** The spec of a clone: those very versions of data, and what is changed. Fields that its kind has not are refused. */
async function cloneOf(deps: Deps, row: ExperimentWithNames, changes: Changes): Promise<ExperimentSpec> {
  const data = { datasets: await sameVersions(deps.db, row.id), models: await sameModels(deps.db, row.id) }
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const spec = experimentSpec.safeParse({ ...readExperimentSpec(row), ...data, ...Object.fromEntries(given) })
  if (spec.success) return spec.data
  const [issue] = spec.error.issues
  const name = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : (issue?.path.join('.') ?? '')
  const reason = `a ${row.kind} experiment cannot have ${name} changed so`
  throw new AppError('bad_experiment', { reason, fix: 'Leave it out; `nabla experiment show` tells what there is.' })
}

async function requestStop(deps: Deps, caller: Caller, row: ExperimentWithNames, graceMs: number): Promise<void> {
  const now = deps.clock.now()
  await change(deps, async (trx) => {
    const asked = await trx
      .updateTable('experiments')
      .set(({ eb }) => ({ stopRequestedAt: toIso(now), stopGraceMs: graceMs, version: eb('version', '+', 1) }))
      .where('id', '=', row.id)
      .where('endedAt', 'is', null)
      .where('stopRequestedAt', 'is', null)
      .executeTakeFirst()
    if (asked.numUpdatedRows === 0n) return
    const data = { name: row.name, graceMs }
    await recordEvents(trx, now, [{ ...about(row, caller), type: 'experiment.stop_requested', data }])
  })
  deps.loop.wake(row.id)
}

const can = (action: keyof typeof experimentCan, row: ExperimentWithNames): boolean =>
  (experimentCan[action] as readonly string[]).includes(row.state)

const about = (row: ExperimentWithNames, caller: Caller) => ({
  teamId: row.teamId,
  projectId: row.projectId,
  subject: row.id,
  actor: caller.userName,
})

async function tagsOf(deps: Pick<Deps, 'db'>, rows: readonly { id: string }[]): Promise<Map<string, string[]>> {
  if (rows.length === 0) return new Map()
  const ids = rows.map((row) => row.id)
  const tags = await deps.db.selectFrom('tags').selectAll().where('subjectId', 'in', ids).orderBy('tag').execute()
  return new Map([...Map.groupBy(tags, (row) => row.subjectId)].map(([id, own]) => [id, own.map(({ tag }) => tag)]))
}
