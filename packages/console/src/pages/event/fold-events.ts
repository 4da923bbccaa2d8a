import type { Event } from '@nabla/api/event'

/** An event, and how many times in a row it happened. */
export interface FoldedEvent {
  /** The newest of them. */
  event: Event
  times: number
}

/** Newest first: what happened to one thing again and again, such as the trials of a sweep that end, is told once. */
export function foldEvents(events: readonly Event[]): FoldedEvent[] {
  const folded: FoldedEvent[] = []
  for (const event of events) {
    const last = folded.at(-1)
    if (last && isSame(last.event, event)) last.times++
    else folded.push({ event, times: 1 })
  }
  return folded
}

const isSame = (one: Event, other: Event): boolean =>
  one.type === other.type && one.subject === other.subject && one.actor === other.actor
