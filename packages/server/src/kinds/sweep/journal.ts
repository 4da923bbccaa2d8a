import type { SearchSettings } from '@nabla/api/search'
import type { SweepRow } from '../../db/sweep-tables.ts'
import type { Trx } from '../../db/transaction.ts'
import type { Db } from '../../deps.ts'
import { randomText } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { createSearch, type Search, type SearchEvent } from '../../search/search.ts'

/** A sweep as it stands in a transaction, with its searcher. */
export interface OpenSweep {
  row: SweepRow
  search: Search
  /** Writes an event down and tells the searcher. Answers whether the trial that reported should stop. */
  happened(event: SearchEvent): Promise<{ stop: boolean }>
}

interface Kept {
  search: Search
  seq: number
  mark: string
}

/**
 * Searchers of the sweeps that were worked on last. They are made from the journal and hold nothing else, so one may be
 * dropped at any time; one that took in an event whose transaction was rolled back is known by its mark, and dropped.
 */
export class Searches {
  readonly #kept = new Map<string, Kept>()

  /** Opens a sweep for writing: until the transaction has ended nobody else does. Null: it is gone. */
  async open(trx: Trx, experimentId: string, settings: SearchSettings): Promise<OpenSweep | null> {
    const row = await trx
      .updateTable('sweeps')
      .set(({ ref }) => ({ lastSeq: ref('lastSeq') }))
      .where('experimentId', '=', experimentId)
      .returningAll()
      .executeTakeFirst()
    if (!row) return null
    const kept = await this.#catchUp(trx, experimentId, settings)
    const happened = async (event: SearchEvent) => {
      const seq = kept.seq + 1
      const mark = randomText(8)
      await trx
        .insertInto('trialEvents')
        .values({ experimentId, seq, mark, event: JSON.stringify(event) })
        .execute()
      await trx.updateTable('sweeps').set({ lastSeq: seq }).where('experimentId', '=', experimentId).execute()
      Object.assign(kept, { seq, mark })
      return kept.search.happened(event)
    }
    return { row, search: kept.search, happened }
  }

  async #catchUp(trx: Trx, experimentId: string, settings: SearchSettings): Promise<Kept> {
    const known = this.#kept.get(experimentId)
    this.#kept.delete(experimentId)
    const usable = known !== undefined && (known.seq === 0 || (await isWritten(trx, experimentId, known)))
    const kept = usable ? known : { search: createSearch(settings), seq: 0, mark: '' }
    for (;;) {
      const rows = await trx
        .selectFrom('trialEvents')
        .selectAll()
        .where('experimentId', '=', experimentId)
        .where('seq', '>', kept.seq)
        .orderBy('seq')
        .limit(limits.trialEventsAtOnce)
        .execute()
      for (const { seq, mark, event } of rows) {
        kept.search.happened(JSON.parse(event) as SearchEvent)
        Object.assign(kept, { seq, mark })
      }
      if (rows.length < limits.trialEventsAtOnce) break
    }
    this.#keep(experimentId, kept)
    return kept
  }

  #keep(experimentId: string, kept: Kept): void {
    this.#kept.set(experimentId, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > limits.searchesKept && oldest !== undefined) this.#kept.delete(oldest)
  }
}

async function isWritten(db: Pick<Db, 'selectFrom'>, experimentId: string, { seq, mark }: Kept): Promise<boolean> {
  const row = await db
    .selectFrom('trialEvents')
    .select('mark')
    .where('experimentId', '=', experimentId)
    .where('seq', '=', seq)
    .executeTakeFirst()
  return row?.mark === mark
}
