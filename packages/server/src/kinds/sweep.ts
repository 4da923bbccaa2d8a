import { experimentCan, type ExperimentState, type SweepSpec } from '@nabla/api/experiment'
import { numberOf } from '@nabla/api/run'
import type { Trial } from '@nabla/api/sweep'
import type { SweepRow, TrialRow } from '../db/sweep-tables.ts'
import type { Trx } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { AppError } from '../lib/app-error.ts'
import { toIso } from '../lib/clock.ts'
import { readExperimentSpec } from './experiment/planned.ts'
import { rolesOf } from './experiment/submission.ts'
import { type ExperimentWithNames, findExperiment } from './experiment/view.ts'
import { chooseMachine } from './job/submit.ts'
import type { Caller, Handlers } from './kind.ts'
import { checkParallel } from './sweep/check.ts'
import { takeNext } from './sweep/create-trials.ts'
import type { OpenSweep } from './sweep/journal.ts'
import { tell, type TrialEnd } from './sweep/tell.ts'
import { spentBy, whyOver } from './sweep/plan.ts'
import { bestOf, toTrial } from './sweep/view.ts'

export const sweepHandlers: Handlers<'sweep'> = {
  show: ({ caller, params }, deps) => show(deps, caller, params.sweep),

  async update({ caller, params, body }, deps) {
    const found = await findSweep(deps, caller, params.sweep)
    const { paused, trials: mostTrials, parallel } = body
    const now = deps.clock.now()
    if (parallel !== undefined) {
      for (const role of rolesOf(found.spec)) {
        checkParallel(deps.machineTypes, found.spec, chooseMachine(deps, role.spec), parallel)
      }
    }
    await changeOpen(deps, found, async (trx, sweep) => {
      if (mostTrials !== undefined && mostTrials < sweep.row.asked) {
        const detail = `${sweep.row.asked} trials have been asked for already: choose that many or more.`
        throw new AppError('conflict', { detail })
      }
      const changes = {
        ...(paused === undefined ? {} : { pausedAt: paused ? (sweep.row.pausedAt ?? toIso(now)) : null }),
        ...(mostTrials === undefined ? {} : { mostTrials }),
        ...(parallel === undefined ? {} : { parallel }),
      }
      if (Object.keys(changes).length === 0) return
      await trx.updateTable('sweeps').set(changes).where('experimentId', '=', found.row.id).execute()
      const type = paused === undefined ? 'experiment.updated' : paused ? 'experiment.paused' : 'experiment.resumed'
      const { teamId, projectId, id: subject, name } = found.row
      await recordEvents(trx, now, [{ teamId, projectId, subject, type, actor: caller.userName, data: { name } }])
    })
    return show(deps, caller, found.row.id)
  },

  async trials({ caller, params, query }, deps) {
    const { row, spec } = await findSweep(deps, caller, params.sweep)
    let rows = deps.db
      .selectFrom('trials')
      .selectAll()
      .where('experimentId', '=', row.id)
      .where('number', '>', query.after === undefined ? -1 : Number(query.after) || 0)
    if (query.state !== undefined) rows = rows.where('state', '=', query.state)
    const found = await rows
      .orderBy('number')
      .limit(query.limit + 1)
      .execute()
    const page = found.slice(0, query.limit)
    const last = page.at(-1)
    return {
      items: page.map((trial) => toTrial(trial, spec)),
      next: found.length > query.limit && last ? String(last.number) : null,
    }
  },

  async ask({ caller, params }, deps) {
    const found = await findSweep(deps, caller, params.sweep)
    if (found.spec.search.costLimit !== null) {
      const detail = `${found.row.name} has a limit of its cost: what trials cost that run elsewhere is not known here.`
      throw new AppError('conflict', { detail })
    }
    const now = deps.clock.now()
    const taken = await changeOpen(deps, found, async (trx, sweep) => {
      if (sweep.row.pausedAt !== null) return 'wait'
      if (whyOver({ row: found.row, spec: found.spec, sweep: sweep.row, jobs: [] }, now) !== null) return 'done'
      const number = sweep.row.asked
      const proposal = await takeNext(trx, sweep, now)
      return typeof proposal === 'string' ? proposal : number
    })
    if (taken !== 'wait') deps.loop.wake(found.row.id)
    if (typeof taken === 'string') return { status: taken, trial: null }
    return { status: 'trial', trial: toTrial(await readTrial(deps.db, found.row.id, taken), found.spec) }
  },

  async report({ caller, params, body }, deps) {
    const found = await findSweep(deps, caller, params.sweep)
    const trial = await readTrial(deps.db, found.row.id, params.number)
    refuseOfJob(trial)
    if (trial.stopRequestedAt !== null) return { stop: true }
    const value = numberOf(body.value)
    const now = deps.clock.now()
    return changeOpen(deps, found, async (trx, sweep) => {
      const { state } = await readTrial(trx, found.row.id, params.number)
      if (state !== 'running') throw ended(params.number, state)
      const answer = await sweep.happened({ type: 'reported', number: params.number, step: body.step, value })
      const changes = { step: body.step, ...(answer.stop ? { stopRequestedAt: toIso(now) } : {}) }
      const own = trx.updateTable('trials').set(changes).where('experimentId', '=', found.row.id)
      await own.where('number', '=', params.number).execute()
      return answer
    })
  },

  async tell({ caller, params, body }, deps) {
    const found = await findSweep(deps, caller, params.sweep)
    const trial = await readTrial(deps.db, found.row.id, params.number)
    refuseOfJob(trial)
    const end = endFrom(found.spec, trial, body)
    await changeOpen(deps, found, async (trx, sweep) => {
      const { state, objectives } = await readTrial(trx, found.row.id, params.number)
      const same = state === end.state && (end.state === 'failed' || objectives === JSON.stringify(end.objectives))
      if (state !== 'running' && !same) throw ended(params.number, state)
      if (state === 'running') await tell(trx, found.row, sweep, trial, end, deps.clock.now())
    })
    deps.loop.wake(found.row.id)
    return toTrial(await readTrial(deps.db, found.row.id, params.number), found.spec)
  },
}

interface FoundSweep {
  row: ExperimentWithNames
  spec: SweepSpec
}

async function findSweep(deps: Deps, caller: Caller, reference: string): Promise<FoundSweep> {
  const row = await findExperiment(deps, caller, reference)
  const spec = readExperimentSpec(row)
  if (spec.kind !== 'sweep') throw new AppError('not_found', { noun: 'sweep', id: reference })
  return { row, spec }
}

/** Changes a sweep that has been started and has not ended. Throws AppError `conflict`. */
async function changeOpen<T>(
  deps: Deps,
  { row, spec }: FoundSweep,
  run: (trx: Trx, sweep: OpenSweep) => Promise<T>,
): Promise<T> {
  const result = await change(deps, async (trx) => {
    const sweep = await deps.searches.open(trx, row.id, spec.search)
    if (!sweep) throw new AppError('not_found', { noun: 'sweep', id: row.id })
    const now = await trx.selectFrom('experiments').select('state').where('id', '=', row.id).executeTakeFirst()
    const state = (now?.state ?? row.state) as ExperimentState
    if (!(experimentCan.stop as readonly string[]).includes(state) || state === 'stopping') {
      const detail =
        state === 'created'
          ? `The sweep ${row.name} is not started: \`nabla experiment start ${row.id}\`.`
          : `The sweep ${row.name} is ${state}: its trials do not change any more. Clone it to search on.`
      throw new AppError('conflict', { detail })
    }
    return run(trx, sweep)
  })
  deps.loop.wake(row.id)
  return result
}

async function show(deps: Deps, caller: Caller, reference: string) {
  const { row, spec } = await findSweep(deps, caller, reference)
  const sweep = await deps.db.selectFrom('sweeps').selectAll().where('experimentId', '=', row.id).executeTakeFirst()
  if (!sweep) throw new AppError('not_found', { noun: 'sweep', id: reference })
  return {
    id: row.id,
    name: row.name,
    project: { id: row.projectId, name: row.projectName },
    state: row.state as ExperimentState,
    reason: row.reason,
    paused: sweep.pausedAt !== null,
    search: spec.search,
    trials: countsOf(sweep),
    parallel: sweep.parallel,
    cost: await costUntilNow(deps, sweep),
    best: await bestOf(deps.db, row.id, spec),
    startedAt: row.startedAt,
    endedAt: row.endedAt,
  }
}

async function costUntilNow({ db, clock }: Deps, sweep: SweepRow) {
  const { experimentId, pricePerHour } = sweep
  if (pricePerHour === null) return null
  const running = await db
    .selectFrom('trials')
    .innerJoin('jobs', 'jobs.id', 'trials.jobId')
    .where('trials.experimentId', '=', experimentId)
    .where('trials.state', '=', 'running')
    .select(['jobs.startedAt', 'jobs.endedAt'])
    .execute()
  return { spent: spentBy(sweep, running, clock.now()), perHour: pricePerHour }
}

function countsOf({ asked, complete, stopped, failed, mostTrials: most }: SweepRow) {
  return { asked, running: asked - complete - stopped - failed, complete, stopped, failed, most }
}

async function readTrial(db: Pick<Deps['db'], 'selectFrom'>, experimentId: string, number: number): Promise<TrialRow> {
  const row = await db
    .selectFrom('trials')
    .selectAll()
    .where('experimentId', '=', experimentId)
    .where('number', '=', number)
    .executeTakeFirst()
  if (!row) throw new AppError('not_found', { noun: 'trial', id: String(number) })
  return row
}

/** What a job logs is told of it: two who tell could contradict each other. */
function refuseOfJob({ jobId, number }: TrialRow): void {
  if (jobId === null) return
  throw new AppError('conflict', { detail: `Trial ${number} is the job ${jobId}: log its metrics in the job instead.` })
}

function ended(number: number, state: string): AppError {
  return new AppError('conflict', { detail: `Trial ${number} is ${state} already; it takes no more values.` })
}

function endFrom(
  { search }: SweepSpec,
  trial: TrialRow,
  body: {
    state: Exclude<Trial['state'], 'running'>
    objectives: Record<string, number | string>
    reason?: string | undefined
  },
): TrialEnd {
  const { step } = trial
  const failed = (reason: string): TrialEnd => ({ state: 'failed', objectives: [], step, reason, cost: null })
  if (body.state === 'failed') return failed(body.reason ?? 'Whoever ran it said that it failed.')
  const names = search.objectives.map(({ metric }) => metric)
  const foreign = Object.keys(body.objectives).find((name) => !names.includes(name))
  const missing = names.find((name) => !Object.hasOwn(body.objectives, name))
  if (foreign !== undefined || missing !== undefined) {
    const fault = missing === undefined ? `${foreign} is none of them` : `${missing} is missing`
    throw new AppError('invalid', { detail: `Tell the objectives ${names.join(', ')}: ${fault}.` })
  }
  const objectives = names.map((name) => Number(body.objectives[name]))
  const odd = names.find((_, at) => !Number.isFinite(objectives[at]))
  if (odd !== undefined) return failed(`The value of ${odd} is not a finite number.`)
  return { state: body.state, objectives, step, reason: null, cost: null }
}
