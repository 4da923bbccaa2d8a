import type { Trx } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'

/** Something that happened, before it has its number. */
export interface NewEvent {
  teamId: string
  projectId?: string | null
  /** Id of the resource. */
  subject: string
  /** Noun and past tense: `job.started`. */
  type: string
  /** Name of the user who did it; left out for the server itself. */
  actor?: string | null
  /** What else there is to know. Everyone in the team reads it: no secrets. */
  data?: Record<string, unknown>
}

/**
 * Appends events in the transaction of the change that they tell of, at the time `now` (milliseconds). They take the
 * next numbers of the counter `events`; its row stays locked until the commit, so that numbers have no gaps and
 * nobody ever sees a number before a smaller one. Hence call it as late in the transaction as can be, and call
 * `EventFeed.notify` after the commit (`change` does both).
 */
export async function recordEvents(trx: Trx, now: number, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return
  const { value: last } = await trx
    .insertInto('counters')
    .values({ name: 'events', value: events.length })
    .onConflict((c) =>
      c.column('name').doUpdateSet((eb) => ({ value: eb('counters.value', '+', eb.ref('excluded.value')) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  const first = last - events.length + 1
  const at = toIso(now)
  for (let from = 0; from < events.length; from += rowsPerInsert) {
    const part = events.slice(from, from + rowsPerInsert)
    await trx
      .insertInto('events')
      .values(part.map((event, index) => toRow(event, first + from + index, at)))
      .execute()
  }
}

/** Keeps below the number of parameters that a statement may have (32,766 on SQLite). */
const rowsPerInsert = 1000

function toRow(event: NewEvent, seq: number, at: string) {
  return {
    seq,
    at,
    teamId: event.teamId,
    projectId: event.projectId ?? null,
    subject: event.subject,
    type: event.type,
    actor: event.actor ?? null,
    data: JSON.stringify(event.data ?? {}),
  }
}
