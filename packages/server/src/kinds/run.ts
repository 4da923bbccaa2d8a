import { numberOf, type Run, type RunCurve, runStates, type RunState, valueOf } from '@nabla/api/run'
import { inTransaction } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { fromIso, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Caller, Handlers } from './kind.ts'
import { ensureProject } from './project.ts'
import { chooseRuns, chosenById, type NamedChoice } from './run/choose.ts'
import { columnsOf } from './run/columns.ts'
import { forgetRuns } from './run/end.ts'
import { exportRuns } from './run/export.ts'
import { runFileHandlers } from './run/file-handlers.ts'
import { parseOrder } from './run/filter.ts'
import { findOpenRun, findRun } from './run/find.ts'
import { followRuns } from './run/follow.ts'
import { logTo } from './run/log.ts'
import { makeRun } from './run/make.ts'
import { pageOfRuns, selectRuns } from './run/select.ts'
import { readColumns, toRuns } from './run/view.ts'
import { replaceTags } from './tags.ts'

export const runHandlers: Handlers<'run'> = {
  ...runFileHandlers,

  async list({ caller, query }, deps) {
    const runs = await matching(deps, caller, query)
    const { ids, next } = await pageOfRuns(runs, ordersIn(query.order), query)
    return { items: await toRuns(deps.db, ids, readColumns(query.columns)), next }
  },

  async columns({ caller, query }, deps) {
    return columnsOf(deps.db, await matching(deps, caller, query))
  },

  async curves({ caller, body }, deps) {
    await chosenById(deps.db, caller, body.runs)
    const { x: axis, from, to, points } = body
    const curves: RunCurve[] = []
    for (const run of body.runs) {
      for (const metric of body.metrics) {
        const curve = await deps.tracking.curve(run, metric, { axis, from, to, points })
        if (!curve) continue
        curves.push({ run, metric, count: curve.count, points: curve.points.map(toWire) })
      }
    }
    return { curves }
  },

  async export({ caller, query }, deps) {
    const runs = await matching(deps, caller, query)
    const { ids } = await pageOfRuns(runs, ordersIn(query.order), { limit: limits.exportedRuns })
    return { body: exportRuns(deps.db, ids), contentType: 'text/plain', fileName: 'runs.csv' }
  },

  async create({ caller, body }, deps) {
    const { name, parentRun: parentRunId, tags } = body
    const project = await change(deps, (trx) => ensureProject(trx, caller, body.project, deps.clock.now()))
    // MLflow's clients know of parents by this label.
    const labels = new Map(parentRunId === undefined ? [] : [['mlflow.parentRunId', parentRunId]])
    const row = await makeRun(deps, caller, { projectId: project.id, name, parentRunId, labels, tags, source: 'api' })
    return viewOf(deps, row.id)
  },

  async show({ caller, params }, deps) {
    return viewOf(deps, (await findRun(deps, caller, params.run)).id)
  },

  async update({ caller, params, body }, deps) {
    const run = await findRun(deps, caller, params.run)
    const { name, note, tags, state } = body
    const labels = new Map<string, string>()
    if (name !== undefined) labels.set('mlflow.runName', name)
    if (note !== undefined) labels.set('mlflow.note.content', note)
    if (labels.size > 0) await logTo(deps, run, { points: [], params: new Map(), labels })
    if (tags) await inTransaction(deps.db, (trx) => replaceTags(trx, caller.teamId, run.id, tags))
    if (state) await setState(deps, run.id, state)
    return viewOf(deps, run.id)
  },

  async delete({ caller, params }, deps) {
    const run = await findRun(deps, caller, params.run)
    const now = deps.clock.now()
    await change(deps, async (trx) => {
      await forgetRuns(trx, [run.id])
      if (run.volumeId !== null) {
        await trx
          .updateTable('volumes')
          .set({ deletedAt: toIso(now) })
          .where('id', '=', run.volumeId)
          .execute()
      }
      const { teamId, projectId, id: subject } = run
      const event = { teamId, projectId, subject, type: 'run.deleted', actor: caller.userName }
      await recordEvents(trx, now, [{ ...event, data: { name: run.name } }])
    })
    deps.tracking.forget([run.id])
    if (run.volumeId !== null) await deps.volumes.removeVolume(run.volumeId)
    return { deleted: true }
  },

  async log({ caller, params, body }, deps) {
    const run = await findOpenRun(deps, caller, params.run)
    const now = deps.clock.now()
    await logTo(deps, run, {
      points: body.metrics.map(({ name, step, at, value }) => ({
        name,
        step,
        at: at === undefined ? now : msOf(at),
        value: numberOf(value),
      })),
      params: new Map(Object.entries(body.params)),
      labels: new Map(Object.entries(body.labels)),
    })
    return { logged: true }
  },

  async history({ caller, params, query }, deps) {
    const run = await findRun(deps, caller, params.run)
    const offset = query.after === undefined ? 0 : offsetIn(query.after)
    const { points, count } = await deps.tracking.history(run.id, query.metric, offset, query.limit)
    const items = points.map(({ step, at, value }) => ({ step, at: toIso(at), value: valueOf(value) }))
    const end = offset + items.length
    return { items, next: end < count ? String(end) : null }
  },

  async follow({ caller, query, signal }, deps) {
    const ids = query.runs.split(',')
    await chosenById(deps.db, caller, ids)
    const metrics = query.metrics === undefined ? null : new Set(query.metrics.split(','))
    return { events: followRuns(deps.tracking, { runIds: new Set(ids), metrics }, signal) }
  },
}

/** Says how a run is; one that has ended has a time of its end. */
export async function setState(deps: Pick<Deps, 'db' | 'clock'>, runId: string, state: RunState, endedMs?: number) {
  const endedAt = runStates[state].ended ? toIso(endedMs ?? deps.clock.now()) : null
  await deps.db.updateTable('runs').set({ state, endedAt }).where('id', '=', runId).execute()
}

async function matching(deps: Deps, caller: Caller, named: NamedChoice) {
  const choice = await chooseRuns(deps, caller, named)
  await deps.tracking.settle()
  return selectRuns(deps.db, caller.teamId, choice)
}

/** Orders with commas between; a comma inside a quoted name does not count. */
function ordersIn(text: string | undefined) {
  return (text?.match(/(?:[^,"'`]|"[^"]*"|'[^']*'|`[^`]*`)+/g) ?? []).map(parseOrder)
}

async function viewOf(deps: Deps, id: string): Promise<Run> {
  await deps.tracking.settle([id])
  const [run] = await toRuns(deps.db, [id])
  if (!run) throw new AppError('not_found', { noun: 'run', id })
  return run
}

const toWire = ([step, at, least, mean, most]: readonly number[]): RunCurve['points'][number] => [
  step!,
  at!,
  valueOf(least!),
  valueOf(mean!),
  valueOf(most!),
]

function msOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new AppError('invalid', { detail: `${JSON.stringify(text.slice(0, 60))} is no time.` })
  return fromIso(toIso(ms))
}

function offsetIn(after: string): number {
  if (/^\d{1,12}$/.test(after)) return Number(after)
  throw new AppError('invalid', { detail: '`after` is not the `next` of a page.' })
}
