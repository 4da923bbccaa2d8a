import type { ErrorCode } from '@nabla/api/errors'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'

/** Rows whose files are made in the background: versions of datasets, of models. */
export interface Preparation<Row extends { id: string }> {
  /** For the log, such as `a version of a model`. */
  what: string
  /** Those that are still to be made, oldest first, a bounded number. */
  waiting(): Promise<Row[]>
  /** Makes one and writes down that it is ready. What it throws is tried again where it is the machine's fault. */
  prepare(row: Row, signal: AbortSignal): Promise<void>
  /** Writes down why one cannot be made. */
  giveUp(row: Row, reason: string): Promise<void>
}

/**
 * Prepares rows a few at a time. What is under way is known to this process alone: a server that starts finds what is
 * to be done in the database, and begins it anew.
 */
export class Preparer<Row extends { id: string }> {
  readonly #deps: Pick<Deps, 'clock' | 'log' | 'loop'>
  readonly #preparation: Preparation<Row>
  readonly #underWay = new Map<string, AbortController>()
  /** Rows that failed by no fault of the user's: how often, and when (steady) they are tried again. */
  readonly #retries = new Map<string, { failures: number; notBefore: number }>()

  constructor(deps: Pick<Deps, 'clock' | 'log' | 'loop'>, preparation: Preparation<Row>) {
    this.#deps = deps
    this.#preparation = preparation
  }

  /**
   * Begins what is to be prepared and gives up what has been deleted. To be called by whoever holds the lease of the
   * control loop. Answers with the work that it began, which never fails.
   */
  async tend(stopped: AbortSignal): Promise<Promise<void>[]> {
    const rows = await this.#preparation.waiting()
    const wanted = new Set(rows.map(({ id }) => id))
    for (const [id, abort] of this.#underWay) if (!wanted.has(id)) abort.abort()
    for (const id of this.#retries.keys()) if (!wanted.has(id)) this.#retries.delete(id)
    const now = this.#deps.clock.steady()
    const due = rows.filter(
      ({ id }) => !this.#underWay.has(id) && (this.#retries.get(id)?.notBefore ?? -Infinity) <= now,
    )
    const begun = due.slice(0, Math.max(0, limits.preparedAtOnce - this.#underWay.size))
    return begun.map((row) => this.#begin(row, stopped))
  }

  async #begin(row: Row, stopped: AbortSignal): Promise<void> {
    const abort = new AbortController()
    this.#underWay.set(row.id, abort)
    const signal = AbortSignal.any([abort.signal, stopped])
    try {
      await this.#preparation.prepare(row, signal)
      this.#retries.delete(row.id)
    } catch (error) {
      if (!signal.aborted) await this.#fail(row, error)
    } finally {
      this.#underWay.delete(row.id)
      // There is room for the next one.
      this.#deps.loop.wake(row.id)
    }
  }

  async #fail(row: Row, error: unknown): Promise<void> {
    const { clock, log } = this.#deps
    const { what } = this.#preparation
    const failures = (this.#retries.get(row.id)?.failures ?? 0) + 1
    const isOurs = !(error instanceof AppError) || machineFaults.has(error.code)
    if (isOurs) log.error({ err: error, subject: row.id, failures }, `could not prepare ${what}`)
    if (isOurs && failures < limits.prepareTries) {
      const notBefore = clock.steady() + limits.prepareRetryMs * 2 ** (failures - 1)
      this.#retries.set(row.id, { failures, notBefore })
      return
    }
    const reason = error instanceof AppError ? `${error.message} ${error.hint}` : 'The log of the server says why.'
    try {
      await this.#preparation.giveUp(row, reason)
    } catch (failure) {
      // As on a full disk: it is begun anew, and comes to the same.
      log.error({ err: failure, subject: row.id }, `could not note that ${what} failed`)
    }
  }
}

/** What is the machine's fault may be over in a while. */
const machineFaults: ReadonlySet<ErrorCode> = new Set(['store_unavailable', 'disk_full', 'busy', 'internal'])
