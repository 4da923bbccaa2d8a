import type { Transaction } from 'kysely'
import { dropLease, holderOf, leaseHolds, leaseMs, takeLease } from './lease.ts'
import { type Acting, act, newActing, track } from './act.ts'
import { type Collector, makeCollector } from './collect.ts'
import { endedWith, type Observation, observe } from './observe.ts'
import { place } from './place.ts'
import { readQueue } from './queue.ts'
import { QuotaKeeper } from './quota.ts'
import { dueIds, nextDue, type Note, openIds, type PlanResult, mergePlans, planAll, planRounds } from './plan.ts'
import { measureVolumes, sweepDeleted } from './sweep.ts'
import type { Tables } from '../db/tables.ts'
import { isDiskFull } from '../db/errors.ts'
import { inTransaction } from '../db/transaction.ts'
import { makeTended, type Tended } from '../kinds/tended.ts'
import type { Deps } from '../deps.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { type Task, toTask, updateTask } from '../tasks/task.ts'

/** The one thing that moves the world towards what the resources want. */
export interface Loop {
  /** Says that a resource changed. A hint: one that is lost is made up for by the next full sweep. */
  wake(id: string): void
  start(): Promise<void>
  /** Stops planning; what runs runs on. Resolves when nothing is under way any more. */
  stop(): Promise<void>
  /** Resolves when there is nothing to do until something changes or some time has come. */
  idle(): Promise<void>
  /** Whether the loop turns, and if not, why. */
  health(): { ok: boolean; detail: string }
  /** Milliseconds that the last pass took, and how many there were. */
  figures(): { passes: number; lastPassMs: number }
}

/**
 * Observe → plan → place → act, in passes. One pass is one transaction, however many resources it moves, so a burst
 * costs one sync of the disk; engine calls follow it and are never inside. A pass runs as soon as something changed
 * (a write, a report of an engine, a time that has come) and a full sweep repairs what a lost hint would miss.
 */
export function createLoop(deps: Deps): Loop {
  return new ControlLoop(deps)
}

class ControlLoop implements Loop {
  readonly #deps: Deps
  readonly #holder: string
  readonly #quotas: QuotaKeeper
  readonly #tended: readonly Tended[]
  readonly #collector: Collector
  readonly #acting: Acting = newActing()
  readonly #stopped = new AbortController()
  #woken = new Set<string>()
  #changed = true
  #sweep = true
  #token: number | null = null
  #leaseAt = -Infinity
  #passing: Promise<void> | null = null
  #again = false
  #cancelSweep: () => void = () => {}
  #cancelRetry: () => void = () => {}
  #cancelQuota: () => void = () => {}
  #cancelDue: () => void = () => {}
  /** Since when, on the steady clock, each running task has been seen to run, less what it had run before. */
  #runningSince = new Map<string, number>()
  /** Logs of resources that have ended, which their followers are still to be told. */
  readonly #unclosed = new Set<string>()
  /** The head of the queue as it was read last. */
  readonly #queue = new Map<string, Task>()
  #measuring: Promise<void> = Promise.resolve()
  #problem: string | null = null
  #passes = 0
  #lastPassMs = 0

  constructor(deps: Deps) {
    this.#deps = deps
    this.#holder = holderOf(deps.config.data)
    this.#quotas = new QuotaKeeper(deps)
    this.#tended = makeTended(deps)
    this.#collector = makeCollector(deps)
  }

  wake(id: string): void {
    this.#woken.add(id)
    this.#kick()
  }

  async start(): Promise<void> {
    for (const engine of this.#deps.engines.values()) {
      engine.watch(() => {
        this.#changed = true
        this.#kick()
      }, this.#stopped.signal)
    }
    this.#armSweep()
    this.#armQuota()
    this.#kick()
    await this.#passing
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#cancelSweep()
    this.#cancelRetry()
    this.#cancelQuota()
    this.#cancelDue()
    await this.#passing
    for (const starting of this.#acting.starting.values()) starting.abort()
    await Promise.all([this.#measuring, ...this.#acting.calls])
    await dropLease(this.#deps.db, this.#holder).catch(() => {})
  }

  async idle(): Promise<void> {
    const { calls } = this.#acting
    while (this.#passing !== null || calls.size > 0) {
      await (this.#passing ?? new Promise((resolve) => setImmediate(resolve)))
    }
  }

  health(): { ok: boolean; detail: string } {
    if (this.#problem !== null) return { ok: false, detail: this.#problem }
    if (this.#token === null) return { ok: true, detail: 'another server holds the control loop' }
    return { ok: true, detail: 'running' }
  }

  figures(): { passes: number; lastPassMs: number } {
    return { passes: this.#passes, lastPassMs: this.#lastPassMs }
  }

  #kick(): void {
    if (this.#stopped.signal.aborted) return
    if (this.#passing) {
      this.#again = true
      return
    }
    this.#passing = this.#run().finally(() => {
      this.#passing = null
      if (this.#again) {
        this.#again = false
        this.#kick()
      }
    })
  }

  async #run(): Promise<void> {
    // What is woken in this tick belongs to one pass.
    await new Promise<void>((resolve) => setImmediate(resolve))
    const began = this.#deps.clock.steady()
    const woken = this.#woken
    const { changed: wasChanged, sweep: wasSweep } = { changed: this.#changed, sweep: this.#sweep }
    this.#woken = new Set()
    this.#changed = false
    this.#sweep = false
    try {
      if (await this.#holdLease()) await this.#pass(woken, wasChanged, wasSweep)
      this.#problem = null
    } catch (error) {
      for (const id of woken) this.#woken.add(id)
      this.#changed ||= wasChanged
      this.#sweep = true
      if (!this.#stopped.signal.aborted) await this.#backOff(error)
    }
    this.#passes += 1
    this.#lastPassMs = this.#deps.clock.steady() - began
  }

  async #backOff(error: unknown): Promise<void> {
    if (isDiskFull(error)) await this.#deps.ballast.release()
    if (this.#problem === null) this.#deps.log.error({ err: error }, 'a pass of the control loop failed; trying again')
    this.#problem = error instanceof Error ? error.message : String(error)
    this.#cancelRetry()
    this.#cancelRetry = this.#deps.clock.after(limits.loopRetryMs, () => this.#kick())
  }

  async #holdLease(): Promise<boolean> {
    const { clock, db } = this.#deps
    if (this.#token !== null && clock.steady() - this.#leaseAt < leaseMs / 3) return true
    this.#leaseAt = clock.steady()
    this.#token = await takeLease(db, this.#holder, clock.now())
    return this.#token !== null
  }

  async #pass(woken: ReadonlySet<string>, changed: boolean, sweep: boolean): Promise<void> {
    const { clock, db, engines } = this.#deps
    const now = clock.now()
    const observations = this.#failedStarts(now)
    if (changed) {
      const held = await readHeld(db)
      const live = held.filter((task) => task.state !== 'ended')
      if (sweep) await this.#followLogs(live)
      observations.push(...(await observe(live, engines, (task) => this.#complete(task), this.#acting, now)))
    }
    const done = await inTransaction(db, (trx) => this.#decide(trx, observations, woken, sweep, now))
    if (done === null) {
      this.#token = null
      this.#deps.sampler.watch([])
      this.#kick()
      return
    }
    // Before measurements are finished below: none is added to what has ended.
    this.#deps.sampler.watch(done.held.filter((task) => task.state !== 'ended'))
    for (const { task } of observations) this.#acting.failed.delete(task.id)
    for (const id of done.removed) this.#acting.removed.delete(id)
    this.#deps.feed.notify()
    for (const id of done.plan.ended) this.#unclosed.add(id)
    if (done.plan.ended.length > 0) track(this.#acting, this.#measure(done.plan.ended))
    await this.#finishLogs(done.plan.notes)
    for (const id of done.plan.stale) this.wake(id)
    this.#armDue(done.due, now)
    if (this.#stopped.signal.aborted) return
    act(this.#deps, done.held, this.#acting, this.#quotas, () => {
      this.#changed = true
      this.#kick()
    })
    if (sweep) await this.#tidy()
    const pass = { all: sweep, woken, looked: done.looked, hasEnded: done.plan.ended.length > 0 }
    for (const one of this.#tended) {
      for (const work of await one.tend(pass, this.#stopped.signal)) track(this.#acting, work)
    }
  }

  /** Its log first: that cannot be done on a full disk, and is then tried again. */
  async #complete(task: Task): Promise<void> {
    await this.#deps.logs.finish(task.ownerId, task.attempt)
    for (const one of this.#tended) await one.complete?.(task)
  }

  /** A log that cannot be closed now, as on a full disk, is closed by a later pass. */
  async #finishLogs(notes: readonly Note[]): Promise<void> {
    const { logs } = this.#deps
    for (const { logId, attempt, text, late } of notes) {
      await logs.note(logId, attempt, text)
      if (late) await logs.finish(logId, attempt)
    }
    for (const id of this.#unclosed) {
      await logs.close(id)
      await this.#deps.measurements.finish(id)
      this.#unclosed.delete(id)
    }
  }

  async #measure(ended: readonly string[]): Promise<void> {
    try {
      await measureVolumes(this.#deps, ended)
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'what a job left could not be measured')
    }
  }

  async #tidy(): Promise<void> {
    await sweepDeleted(this.#deps)
    track(this.#acting, this.#collector.collect(this.#stopped.signal))
    track(this.#acting, this.#deps.imageKeeper.tend(this.#stopped.signal))
    await this.#deps.ballast.restore()
  }

  /** All that changes in one pass, in one transaction. Null: the lease was lost, and nothing was changed. */
  async #decide(
    trx: Transaction<Tables>,
    observations: readonly Observation[],
    woken: ReadonlySet<string>,
    sweep: boolean,
    now: number,
  ): Promise<Decision | null> {
    if (this.#token === null || !(await leaseHolds(trx, this.#token))) return null
    const ids = new Set(woken)
    for (const { task, changes } of observations) {
      ids.add(task.ownerId)
      await updateTask(trx, task, changes)
    }
    const removed = [...this.#acting.removed.values()]
    for (const task of removed) await updateTask(trx, task, { removedAt: toIso(now) })
    if (sweep) for (const id of await openIds(trx)) ids.add(id)
    for (const id of await dueIds(trx, now)) ids.add(id)
    const plan = await planRounds((some) => this.#plan(trx, some, now), [...ids])
    const started = await this.#place(trx, now)
    if (started.length > 0) mergePlans(plan, await planRounds((some) => this.#plan(trx, some, now), started))
    for (const id of started) ids.add(id)
    return {
      plan,
      looked: ids,
      removed: removed.map((task) => task.id),
      due: await nextDue(trx),
      held: await readHeld(trx),
    }
  }

  async #plan(trx: Transaction<Tables>, ids: readonly string[], now: number): Promise<PlanResult> {
    const total: PlanResult = { notes: [], stale: [], ended: [], more: [] }
    for (let start = 0; start < ids.length; start += limits.planBatch) {
      const batch = ids.slice(start, start + limits.planBatch)
      const rows = await trx.selectFrom('tasks').selectAll().where('ownerId', 'in', batch).orderBy('attempt').execute()
      const tasks = rows.map((row) => this.#withRanMs(toTask(row), now))
      mergePlans(
        total,
        await planAll(
          this.#deps,
          trx,
          batch,
          Map.groupBy(tasks, (task) => task.ownerId),
          now,
        ),
      )
    }
    return total
  }

  /** Gives places to queued tasks. Answers with the owners of those that got one. */
  async #place(trx: Transaction<Tables>, now: number): Promise<string[]> {
    const queued = await readQueue(trx, this.#queue)
    if (queued.length === 0) return []
    const holding = (await readHeld(trx)).filter((task) => task.state !== 'ended')
    const { start } = place(queued, holding, this.#deps.machineTypes.capacity, now)
    for (const { task, gpus } of start) {
      await updateTask(trx, task, {
        state: 'placed',
        placedAt: toIso(now),
        gpus: JSON.stringify(gpus),
        phases: placedPhases(task, now),
      })
    }
    return start.map(({ task }) => task.ownerId)
  }

  #failedStarts(now: number): Observation[] {
    return [...this.#acting.failed.values()].map(({ task, exit }) => endedWith(task, exit, now))
  }

  /** Numbering of output goes on where an earlier process, or a full disk, left it. */
  async #followLogs(live: readonly Task[]): Promise<void> {
    for (const task of live) await this.#deps.logs.follow(task.ownerId, task.attempt)
  }

  #withRanMs(task: Task, now: number): Task {
    if (task.state !== 'running' || task.startedAt === null) {
      this.#runningSince.delete(task.id)
      return task
    }
    const steady = this.#deps.clock.steady()
    let since = this.#runningSince.get(task.id)
    if (since === undefined) {
      since = steady - Math.max(0, now - Date.parse(task.startedAt))
      this.#runningSince.set(task.id, since)
    }
    return { ...task, ranMs: steady - since }
  }

  #armDue(due: number | null, now: number): void {
    this.#cancelDue()
    if (due === null) return
    this.#cancelDue = this.#deps.clock.after(Math.min(Math.max(0, due - now), limits.sweepMs), () => this.#kick())
  }

  #armSweep(): void {
    this.#cancelSweep = this.#deps.clock.after(limits.sweepMs, () => {
      this.#sweep = true
      this.#changed = true
      this.#kick()
      this.#armSweep()
    })
  }

  #armQuota(): void {
    this.#cancelQuota = this.#deps.clock.after(limits.quotaMs, () => {
      this.#measuring = this.#checkQuotas().finally(() => this.#stopped.signal.aborted || this.#armQuota())
    })
  }

  async #checkQuotas(): Promise<void> {
    if (this.#token === null) return
    try {
      for (const owner of await this.#quotas.check()) this.wake(owner)
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'the storages could not be measured; trying again')
    }
  }
}

interface Decision {
  plan: PlanResult
  looked: ReadonlySet<string>
  removed: string[]
  due: number | null
  held: Task[]
}

/** Tasks that an engine may hold something of: placed, running, or ended and not removed. */
async function readHeld(db: Pick<Transaction<Tables>, 'selectFrom'>): Promise<Task[]> {
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('removedAt', 'is', null)
    .where('state', 'in', ['placed', 'running', 'ended'])
    .execute()
  return rows.map(toTask)
}

function placedPhases(task: Task, now: number): string {
  return JSON.stringify([...task.phases.filter(({ phase }) => phase === 'queue'), { phase: 'files', at: now }])
}
