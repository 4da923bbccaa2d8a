import { stopJobs } from '../job/stop.ts'
import type { SweepSpec } from '@nabla/api/experiment'
import type { Deps } from '../../deps.ts'
import { change } from '../../events/change.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { readExperimentSpec } from '../experiment/planned.ts'
import { jobRunId } from '../run/job-run.ts'
import { costOf } from './plan.ts'
import { endOf, readObjectives } from './read-objectives.ts'
import { tell } from './tell.ts'

/**
 * Reads what the jobs of trials have logged: while they run, for the rule that stops some of them, and when they have
 * ended. What it finds it writes down; it holds nothing that is not made anew from the rows.
 */
export class Teller {
  readonly #deps: Deps
  /** Runs whose values a rule waits for, with the sweep that they belong to. */
  readonly #watched = new Map<string, string>()
  #busy = false
  #again = false

  constructor(deps: Deps) {
    this.#deps = deps
    deps.tracking.listen(({ runId }) => {
      const experimentId = this.#watched.get(runId)
      if (experimentId !== undefined) deps.loop.wake(experimentId)
    })
  }

  /** Begins to read what there is to be read. To be called by whoever holds the lease of the control loop. */
  async tend(): Promise<void> {
    this.#again = true
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#again) {
        this.#again = false
        await this.#tellEnded()
        await this.#reportRunning()
      }
    } catch (error) {
      this.#deps.log.error({ err: error }, 'what trials logged could not be read; it is tried again')
    } finally {
      this.#busy = false
    }
  }

  /** In the order in which their jobs ended. */
  async #tellEnded(): Promise<void> {
    const { db } = this.#deps
    const rows = await db
      .selectFrom('trials')
      .innerJoin('jobs', 'jobs.id', 'trials.jobId')
      .innerJoin('experiments', 'experiments.id', 'trials.experimentId')
      .where('trials.state', '=', 'running')
      .where('jobs.endedAt', 'is not', null)
      .selectAll('trials')
      .select(['jobs.id as ownJobId', 'jobs.state as jobState', 'jobs.reason as jobReason'])
      .select(['jobs.startedAt as jobStartedAt', 'jobs.endedAt as jobEndedAt'])
      .select(['experiments.teamId', 'experiments.projectId', 'experiments.name', 'experiments.spec'])
      .orderBy('jobs.endedAt')
      .orderBy('trials.number')
      .limit(limits.trialsToldAtOnce)
      .execute()
    for (const row of rows) {
      const spec = readExperimentSpec(row) as SweepSpec
      if (spec.search.stopRule !== null && row.stopRequestedAt === null) await this.#reportRest(row, row.ownJobId, spec)
      const metrics = spec.search.objectives.map(({ metric }) => metric)
      const read = await readObjectives(this.#deps, row.ownJobId, metrics)
      const end = endOf(metrics, read, row)
      const { experimentId, number } = row
      await change(this.#deps, async (trx) => {
        const sweep = await this.#deps.searches.open(trx, experimentId, spec.search)
        if (!sweep || !(await isRunning(trx, experimentId, number))) return
        const now = this.#deps.clock.now()
        const cost = costOf({ startedAt: row.jobStartedAt, endedAt: row.jobEndedAt }, sweep.row.pricePerHour, now)
        await tell(trx, { ...row, id: experimentId }, sweep, row, { ...end, cost }, now)
      })
      this.#watched.delete(jobRunId(row.ownJobId))
      this.#deps.loop.wake(experimentId)
    }
    if (rows.length === limits.trialsToldAtOnce) this.#again = true
  }

  /**
   * Whatever a job that has ended logged since it was looked at last. The rule learns all that there is of every trial,
   * however soon it ended: so the same results make the same search, whenever they were read.
   */
  async #reportRest(
    { experimentId, number, reports }: { experimentId: string; number: number; reports: number },
    jobId: string,
    { search }: SweepSpec,
  ): Promise<void> {
    const metric = search.objectives[0]?.metric ?? ''
    for (let known = reports; ;) {
      const { points } = await this.#deps.tracking.history(jobRunId(jobId), metric, known, limits.trialEventsAtOnce)
      if (points.length === 0) return
      known += points.length
      await change(this.#deps, async (trx) => {
        const sweep = await this.#deps.searches.open(trx, experimentId, search)
        if (!sweep || !(await isRunning(trx, experimentId, number))) return
        for (const { step, value } of points) await sweep.happened({ type: 'reported', number, step, value })
        const own = trx.updateTable('trials').set({ reports: known }).where('experimentId', '=', experimentId)
        await own.where('number', '=', number).execute()
      })
    }
  }

  async #reportRunning(): Promise<void> {
    const rows = await this.#deps.db
      .selectFrom('trials')
      .innerJoin('experiments', 'experiments.id', 'trials.experimentId')
      .innerJoin('jobs', 'jobs.id', 'trials.jobId')
      .where('trials.state', '=', 'running')
      .where('trials.stopRequestedAt', 'is', null)
      .where('experiments.endedAt', 'is', null)
      .where('jobs.startedAt', 'is not', null)
      .select(['trials.experimentId', 'trials.number', 'trials.reports', 'jobs.id as jobId', 'experiments.spec'])
      .limit(limits.trialsToldAtOnce)
      .execute()
    const specs = new Map(rows.map((row) => [row.experimentId, readExperimentSpec(row) as SweepSpec]))
    const ruled = rows.filter(({ experimentId }) => specs.get(experimentId)?.search.stopRule)
    this.#watched.clear()
    for (const { jobId, experimentId } of ruled) this.#watched.set(jobRunId(jobId), experimentId)
    for (const row of ruled) await this.#report(row, specs.get(row.experimentId) as SweepSpec)
  }

  async #report(
    { experimentId, number, reports, jobId }: { experimentId: string; number: number; reports: number; jobId: string },
    { search }: SweepSpec,
  ): Promise<void> {
    const metric = search.objectives[0]?.metric ?? ''
    const { points } = await this.#deps.tracking.history(jobRunId(jobId), metric, reports, limits.trialEventsAtOnce)
    if (points.length === 0) return
    const now = this.#deps.clock.now()
    const stopped = await change(this.#deps, async (trx) => {
      const sweep = await this.#deps.searches.open(trx, experimentId, search)
      if (!sweep || !(await isRunning(trx, experimentId, number))) return false
      let taken = 0
      let stop = false
      for (const { step, value } of points) {
        taken += 1
        stop = (await sweep.happened({ type: 'reported', number, step, value })).stop
        if (stop) break
      }
      const trial = { reports: reports + taken, ...(stop ? { stopRequestedAt: toIso(now) } : {}) }
      const own = trx.updateTable('trials').set(trial).where('experimentId', '=', experimentId)
      await own.where('number', '=', number).execute()
      if (!stop) return false
      await stopJobs(trx, [{ id: jobId, graceMs: limits.nodeGraceMs, why: 'rule' }], now)
      return true
    })
    if (stopped) this.#deps.loop.wake(jobId)
  }
}

async function isRunning(trx: Pick<Deps['db'], 'selectFrom'>, experimentId: string, number: number): Promise<boolean> {
  const row = await trx
    .selectFrom('trials')
    .select('state')
    .where('experimentId', '=', experimentId)
    .where('number', '=', number)
    .executeTakeFirst()
  return row?.state === 'running'
}
