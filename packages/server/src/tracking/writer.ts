import type { Trx } from '../db/transaction.ts'
import { inTransaction } from '../db/transaction.ts'
import type { Db } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { keepNames } from './names.ts'
import { type JournalEntry, type NamedPoint, toEntry } from './point.ts'

/** What a program logs at one time: all of it is kept, or nothing. */
export interface Logged {
  points: readonly NamedPoint[]
  /** A parameter that is there with another value is refused. */
  params: ReadonlyMap<string, string>
  labels: ReadonlyMap<string, string>
}

interface Waiting extends Logged {
  runId: string
  done(error?: unknown): void
}

/**
 * Writes what programs log. While one transaction is being written the next ones wait together and are then written
 * as one, so that many are acknowledged for one sync of the disk. What `write` has resolved for is on the disk.
 */
export class LogWriter {
  readonly #db: Db
  readonly #newEntryId: () => string
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(db: Db, newEntryId: () => string) {
    this.#db = db
    this.#newEntryId = newEntryId
  }

  /** Throws AppError `not_found` for a run that is gone, `param_changed`, and `too_many_names`. */
  write(runId: string, logged: Logged): Promise<void> {
    if (this.#waiting.length >= limits.trackingQueue) {
      throw new AppError('busy', { detail: 'more is being logged than its disk takes' })
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ ...logged, runId, done: (error) => (error === undefined ? resolve() : reject(error)) })
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return promise
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // One turn of the event loop: requests that arrived together are written together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, limits.trackingBatch)
      try {
        const refused = await inTransaction(this.#db, (trx) => this.#writeBatch(trx, batch))
        for (const one of batch) one.done(refused.get(one))
      } catch (error) {
        for (const one of batch) one.done(error)
      }
    }
  }

  async #writeBatch(trx: Trx, batch: readonly Waiting[]): Promise<Map<Waiting, AppError>> {
    const runIds = [...new Set(batch.map(({ runId }) => runId))]
    const rows = await trx.selectFrom('runs').select(['id', 'projectId']).where('id', 'in', runIds).execute()
    const there = new Map(rows.map(({ id, projectId }) => [id, projectId]))
    const known = await readParams(trx, batch)
    const refused = new Map<Waiting, AppError>()
    const taken = batch.filter((one) => {
      const error = there.has(one.runId)
        ? acceptParams(known, one)
        : new AppError('not_found', { noun: 'run', id: one.runId })
      if (error) refused.set(one, error)
      return !error
    })
    await this.#writeJournal(trx, taken)
    await writeTexts(trx, 'runParams', taken, ({ params }) => params)
    await writeTexts(trx, 'runLabels', taken, ({ labels }) => labels)
    await keepNames(
      trx,
      taken.flatMap(({ runId, params, labels }) => {
        const projectId = there.get(runId)!
        const of = (kind: 'param' | 'label', names: Iterable<string>) =>
          [...names].map((name) => ({ projectId, kind, name }))
        return [...of('param', params.keys()), ...of('label', labels.keys())]
      }),
    )
    return refused
  }

  /** One row for each run, whatever the number of requests and of metrics. */
  async #writeJournal(trx: Trx, taken: readonly Waiting[]): Promise<void> {
    const byRun = new Map<string, JournalEntry[]>()
    for (const { runId, points } of taken) {
      const entries = byRun.get(runId) ?? []
      for (const point of points) entries.push(toEntry(point))
      byRun.set(runId, entries)
    }
    const rows = [...byRun]
      .filter(([, entries]) => entries.length > 0)
      .map(([runId, entries]) => ({ runId, id: this.#newEntryId(), body: JSON.stringify(entries) }))
    if (rows.length > 0) await trx.insertInto('runJournal').values(rows).execute()
  }
}

const keyOf = (runId: string, name: string): string => `${runId} ${name}`

/** Parameters that are there of those that are to be written. */
async function readParams(trx: Trx, batch: readonly Waiting[]): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  const withParams = batch.filter(({ params }) => params.size > 0)
  if (withParams.length === 0) return known
  const names = [...new Set(withParams.flatMap(({ params }) => [...params.keys()]))]
  const runIds = [...new Set(withParams.map(({ runId }) => runId))]
  for (let from = 0; from < names.length; from += namesAtOnce) {
    const rows = await trx
      .selectFrom('runParams')
      .selectAll()
      .where('runId', 'in', runIds)
      .where('name', 'in', names.slice(from, from + namesAtOnce))
      .execute()
    for (const { runId, name, value } of rows) known.set(keyOf(runId, name), value)
  }
  return known
}

/** Names in one statement: far below the number of parameters that SQLite allows. */
const namesAtOnce = 2000

/** Refuses a change, else takes the parameters for known: the next in the same batch meets them. */
function acceptParams(known: Map<string, string>, { runId, params }: Waiting): AppError | undefined {
  for (const [name, value] of params) {
    const before = known.get(keyOf(runId, name))
    if (before !== undefined && before !== value) return new AppError('param_changed', { name, before, value })
  }
  for (const [name, value] of params) known.set(keyOf(runId, name), value)
  return undefined
}

async function writeTexts(
  trx: Trx,
  table: 'runParams' | 'runLabels',
  taken: readonly Waiting[],
  pick: (one: Waiting) => ReadonlyMap<string, string>,
): Promise<void> {
  const rows = new Map<string, { runId: string; name: string; value: string }>()
  for (const one of taken) {
    for (const [name, value] of pick(one)) rows.set(keyOf(one.runId, name), { runId: one.runId, name, value })
  }
  const all = [...rows.values()]
  for (let from = 0; from < all.length; from += namesAtOnce) {
    await trx
      .insertInto(table)
      .values(all.slice(from, from + namesAtOnce))
      .onConflict((c) => c.columns(['runId', 'name']).doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })))
      .execute()
  }
}
