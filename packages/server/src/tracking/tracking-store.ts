import type { RunMetricRow } from '../db/run-tables.ts'
import type { Db } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { randomText } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import { type Curve, type CurveQuery, readCurve, readHistory } from './curve.ts'
import { fold } from './fold.ts'
import type { NamedPoint, Point } from './point.ts'
import { type Logged, LogWriter } from './writer.ts'

export type { Curve, CurvePoint, CurveQuery } from './curve.ts'
export type { NamedPoint, Point } from './point.ts'
export type { Logged } from './writer.ts'

export interface TrackingOptions {
  db: Db
  clock: Clock
  /** Most different metrics of one run. */
  metricsPerRun: number
  paramsPerRun: number
  /** Is told of what could not be folded; it is tried again. */
  onProblem(runId: string, error: unknown): void
}

/** What `follow` tells of: values of one run, in the order of logging. */
export interface Heard {
  runId: string
  points: readonly NamedPoint[]
}

/**
 * What programs log, of any number of runs. Values go into a journal, many requests in one transaction, and are on the
 * disk before `log` resolves. From there they are folded into metrics, in the background or when they are read: every
 * read sees all that was acknowledged.
 */
export class TrackingStore {
  readonly #options: TrackingOptions
  readonly #writer: LogWriter
  /** Runs whose journal may hold something. */
  readonly #dirty = new Set<string>()
  readonly #folding = new Map<string, Promise<void>>()
  /** Names that a run has; the runs that were logged to last. */
  readonly #names = new Map<string, { metrics: Set<string>; params: Set<string> }>()
  readonly #listeners = new Set<(heard: Heard) => void>()
  #cancel: (() => void) | undefined
  #closed = false
  #serial = 0

  constructor(options: TrackingOptions) {
    this.#options = options
    this.#writer = new LogWriter(options.db, () => this.#newEntryId())
  }

  /** Takes up what an earlier server left in the journal. */
  async start(): Promise<void> {
    const rows = await this.#options.db.selectFrom('runJournal').select('runId').distinct().execute()
    for (const { runId } of rows) this.#dirty.add(runId)
    this.#schedule()
  }

  /** Keeps what a program logs. Throws AppError `not_found`, `param_changed`, `too_many_names` and `busy`. */
  async log(runId: string, logged: Logged): Promise<void> {
    await this.#admit(runId, logged)
    await this.#writer.write(runId, logged)
    if (logged.points.length === 0) return
    this.#dirty.add(runId)
    this.#schedule()
    for (const listener of this.#listeners) listener({ runId, points: logged.points })
  }

  /** After it the rows of these runs' metrics hold all that was acknowledged. All runs, if none is named. */
  async settle(runIds?: Iterable<string>): Promise<void> {
    const open = new Set([...this.#dirty, ...this.#folding.keys()])
    const wanted = runIds ? [...runIds].filter((id) => open.has(id)) : [...open]
    for (const id of wanted) await this.#fold(id)
  }

  /** One metric, thinned; null if the run has none of that name. Costs the same for any length. */
  async curve(runId: string, name: string, query: CurveQuery): Promise<Curve | null> {
    const row = await this.#metric(runId, name)
    return row ? readCurve(this.#options.db, row, query) : null
  }

  /** Every value of a metric from the `offset`-th on, in the order of logging. */
  async history(
    runId: string,
    name: string,
    offset: number,
    limit: number,
  ): Promise<{ points: Point[]; count: number }> {
    const row = await this.#metric(runId, name)
    if (!row) return { points: [], count: 0 }
    return { points: await readHistory(this.#options.db, row, offset, limit), count: row.count }
  }

  /** Calls `listener` for all that is logged from now on; returns what ends that. */
  listen(listener: (heard: Heard) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets what is remembered of runs that are gone. */
  forget(runIds: Iterable<string>): void {
    for (const id of runIds) {
      this.#dirty.delete(id)
      this.#names.delete(id)
    }
  }

  /** Waits for what is being written. What is in the journal stays there for the next start. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#writer.idle()
    await Promise.allSettled(this.#folding.values())
  }

  async #metric(runId: string, name: string): Promise<RunMetricRow | undefined> {
    await this.settle([runId])
    const rows = this.#options.db.selectFrom('runMetrics').selectAll()
    return rows.where('runId', '=', runId).where('name', '=', name).executeTakeFirst()
  }

  /** Refuses names without end: each costs a row and a column of every table. */
  async #admit(runId: string, { points, params }: Logged): Promise<void> {
    const known = this.#names.get(runId) ?? (await this.#readNames(runId))
    const metrics = new Set(points.map(({ name }) => name).filter((name) => !known.metrics.has(name)))
    const { metricsPerRun, paramsPerRun } = this.#options
    if (known.metrics.size + metrics.size > metricsPerRun) throw tooMany('metrics', metricsPerRun)
    const newParams = [...params.keys()].filter((name) => !known.params.has(name))
    if (known.params.size + newParams.length > paramsPerRun) throw tooMany('parameters', paramsPerRun)
    for (const name of metrics) known.metrics.add(name)
    for (const name of newParams) known.params.add(name)
  }

  async #readNames(runId: string) {
    await this.settle([runId])
    const read = async (table: 'runMetrics' | 'runParams') => {
      const rows = await this.#options.db.selectFrom(table).select('name').where('runId', '=', runId).execute()
      return new Set(rows.map(({ name }) => name))
    }
    const made = { metrics: await read('runMetrics'), params: await read('runParams') }
    const known = this.#names.get(runId) ?? made
    this.#names.set(runId, known)
    const [oldest] = this.#names.keys()
    if (this.#names.size > limits.trackingNames && oldest !== undefined) this.#names.delete(oldest)
    return known
  }

  async #fold(runId: string): Promise<void> {
    // One that has begun may have read the journal before the last values came.
    await this.#folding.get(runId)
    const running = this.#folding.get(runId) ?? this.#startFold(runId)
    await running
  }

  #startFold(runId: string): Promise<void> {
    const run = async () => {
      while (this.#dirty.delete(runId)) {
        try {
          if (await fold(this.#options.db, runId)) this.#dirty.add(runId)
        } catch (error) {
          this.#dirty.add(runId)
          throw error
        }
      }
    }
    const folding = run().finally(() => this.#folding.delete(runId))
    this.#folding.set(runId, folding)
    return folding
  }

  #schedule(): void {
    if (this.#cancel || this.#closed || this.#dirty.size === 0) return
    this.#cancel = this.#options.clock.after(limits.trackingFoldMs, () => {
      void this.#foldAll().finally(() => {
        this.#cancel = undefined
        this.#schedule()
      })
    })
  }

  async #foldAll(): Promise<void> {
    // One that fails is waiting again: it has its turn at the next time.
    const waiting = [...this.#dirty]
    for (const runId of waiting) {
      if (this.#closed) return
      await this.#fold(runId).catch((error: unknown) => this.#options.onProblem(runId, error))
    }
  }

  /** Sorts by time, and within this process by order: what comes later has to be found later. */
  #newEntryId(): string {
    this.#serial += 1
    const at = this.#options.clock.now().toString(36).padStart(9, '0')
    return `${at}-${this.#serial.toString(36).padStart(8, '0')}-${randomText(4)}`
  }
}

const tooMany = (what: string, most: number): AppError => new AppError('too_many_names', { what, most })
