import type { Event } from '@nabla/api/event'
import type { Kysely } from 'kysely'
import type { EventRow, Tables } from '../db/tables.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'

/** Which events of a team: all, or only those of one resource or one project. */
export interface EventFilter {
  subject?: string | undefined
  projectId?: string | undefined
  /** How its type begins: `job`, `job.failed`. */
  type?: string | undefined
  /** Name of a user; null for what the server did by itself. */
  actor?: string | null | undefined
}

/**
 * Reads the table of events, and waits for more. The table is the truth: a wake-up only says that it is worth
 * looking, so one that is lost (another process wrote, say) costs time and never an event.
 */
export class EventFeed {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** Grows with every wake-up, so that one between a read and the wait after it is seen. */
  #wakes = 0
  #polledSeq = 0
  #polling: Polling | undefined

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  /** Says that events may have been committed. */
  notify(): void {
    this.#wakes++
    for (const wake of this.#waiting) wake()
  }

  /** Number of the last event of the server; 0 before the first. */
  async latest(): Promise<number> {
    const row = await this.#db.selectFrom('counters').select('value').where('name', '=', 'events').executeTakeFirst()
    return row?.value ?? 0
  }

  /** Events of a team, oldest first: those after the number `after`, or the last ones there are before `before`. */
  async read(
    teamId: string,
    query: EventFilter & { after?: number | undefined; before?: number | undefined; limit: number },
  ): Promise<Event[]> {
    const { after, before, subject, projectId, type, actor, limit } = query
    let rows = this.#db.selectFrom('events').selectAll().where('teamId', '=', teamId).limit(limit)
    if (subject !== undefined) rows = rows.where('subject', '=', subject)
    if (projectId !== undefined) rows = rows.where('projectId', '=', projectId)
    if (type !== undefined) rows = rows.where((eb) => eb.or([eb('type', '=', type), eb('type', 'like', `${type}.%`)]))
    if (actor !== undefined) rows = actor === null ? rows.where('actor', 'is', null) : rows.where('actor', '=', actor)
    if (before !== undefined) rows = rows.where('seq', '<', before)
    if (after === undefined) return (await rows.orderBy('seq', 'desc').execute()).toReversed().map(toEvent)
    return (await rows.where('seq', '>', after).orderBy('seq').execute()).map(toEvent)
  }

  /**
   * Events of a team after the number `after`, in order, each once, as they are committed. Ends when `signal` aborts.
   * Nothing is read ahead of the consumer but one batch.
   */
  async *follow(
    teamId: string,
    query: EventFilter & { after: number; signal: AbortSignal },
  ): AsyncGenerator<Event, void, undefined> {
    const { signal, ...filter } = query
    let { after } = query
    while (!signal.aborted) {
      const wakes = this.#wakes
      const events = await this.read(teamId, { ...filter, after, limit: limits.feedRows })
      for (const event of events) {
        if (signal.aborted) return
        yield event
        after = event.seq
      }
      if (events.length < limits.feedRows) await this.#wake(wakes, signal)
    }
  }

  /**
   * Deletes the oldest events up to the first that is not from before `before` (ISO 8601). Returns how many. In small
   * steps, so that nobody has to wait long for the database.
   */
  async prune(before: string): Promise<number> {
    let deleted = 0
    for (;;) {
      const oldest = await this.#db
        .selectFrom('events')
        .select(['seq', 'at'])
        .orderBy('seq')
        .limit(limits.feedRows)
        .execute()
      const kept = oldest.findIndex(({ at }) => at >= before)
      const last = oldest.at(kept === -1 ? -1 : kept - 1)
      if (kept === 0 || !last) return deleted
      const { numDeletedRows } = await this.#db.deleteFrom('events').where('seq', '<=', last.seq).executeTakeFirst()
      deleted += Number(numDeletedRows)
    }
  }

  /** Waits until somebody says that there may be more than at the count `seen`, or until the signal aborts. */
  #wake(seen: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#wakes !== seen || signal.aborted) {
        resolve()
        return
      }
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        if (this.#waiting.size === 0) this.#stopPolling()
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
      if (!this.#polling) this.#startPolling()
    })
  }

  /** While somebody waits, looks now and then whether another process has written. */
  #startPolling(): void {
    const polling: Polling = { cancel: () => undefined }
    this.#polling = polling
    const poll = () => {
      polling.cancel = this.#clock.after(limits.feedPollMs, () => void look())
    }
    const look = async () => {
      // If the database does not answer, those who wait learn it from a read of their own.
      const seq = await this.latest().catch(() => -1)
      if (this.#polling !== polling) return
      poll()
      if (seq !== this.#polledSeq) this.notify()
      this.#polledSeq = seq
    }
    poll()
  }

  #stopPolling(): void {
    this.#polling?.cancel()
    this.#polling = undefined
  }
}

interface Polling {
  cancel: () => void
}

function toEvent(row: EventRow): Event {
  const { seq, at, type, subject, projectId, actor, data } = row
  return { seq, at, type, subject, projectId, actor, data: JSON.parse(data) as Record<string, unknown> }
}
