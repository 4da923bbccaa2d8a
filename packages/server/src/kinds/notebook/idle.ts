import { limits } from '../../lib/limits.ts'

/** What decides when a notebook that runs stops by itself. Times are milliseconds since the epoch. */
export interface IdleCase {
  now: number
  /** When Jupyter answered in this session. */
  readyAt: number
  /** When it was used last; null: not in this session. */
  usedAt: number | null
  /** When it was looked at last, and Jupyter answered; null: not yet. */
  lookedAt: number | null
  /** Null: it does not stop for want of use. */
  idleLimitMs: number | null
  /** Somebody asked that it runs until then. */
  extendedUntil: number | null
  /** When its hard limit is reached; null: it has none. */
  hardAt: number | null
  warnedAt: number | null
}

export interface IdleDecision {
  /** It stops now, and why; null: it does not. */
  stop: 'idle' | 'time-limit' | null
  /** When it will, by what is known now; null: it will not by itself. */
  stopsAt: number | null
  /** Whether it is to be said that it is about to stop: it has to be told before it happens. */
  isWarned: boolean
  /** When this is to be decided again, if nothing happens before; null: only if something happens. */
  againAt: number | null
}

/**
 * When a notebook stops. Never for want of use while nobody knows whether it is used: then the decision waits for the
 * next look. Never without a warning before, however late that comes. The hard limit waits for nothing. Pure.
 */
export function decideIdle(given: IdleCase): IdleDecision {
  const { now, hardAt, warnedAt } = given
  const idleAt = whenIdle(given)
  const stopsAt = earliest(idleAt, hardAt)
  if (hardAt !== null && hardAt <= now) return { stop: 'time-limit', stopsAt: hardAt, isWarned: true, againAt: null }
  if (stopsAt === null) return { stop: null, stopsAt, isWarned: false, againAt: null }
  const warnAt = stopsAt - warningOf(given)
  const isWarned = now >= warnAt
  if (!isWarned) return { stop: null, stopsAt, isWarned, againAt: warnAt }
  const isKnown = given.lookedAt !== null && now - given.lookedAt <= limits.notebookLookStaleMs
  const wasToldAt = warnedAt ?? now
  const noSoonerThan = wasToldAt + Math.min(warningOf(given), limits.notebookLeastWarningMs)
  if (idleAt !== null && idleAt <= now && isKnown && now >= noSoonerThan) {
    return { stop: 'idle', stopsAt, isWarned, againAt: null }
  }
  const next = idleAt !== null && idleAt <= now ? Math.max(noSoonerThan, now + limits.jupyterLookMs) : stopsAt
  return { stop: null, stopsAt, isWarned, againAt: earliest(next, hardAt) }
}

/** How long before it stops it is said: five minutes, or a quarter of a limit that is shorter than twenty. */
function warningOf({ idleLimitMs, hardAt, readyAt }: IdleCase): number {
  const shortest = Math.min(idleLimitMs ?? Infinity, hardAt === null ? Infinity : hardAt - readyAt)
  return Math.min(limits.notebookWarningMs, Math.max(0, shortest / 4))
}

function whenIdle({ readyAt, usedAt, idleLimitMs, extendedUntil }: IdleCase): number | null {
  if (idleLimitMs === null) return null
  return Math.max(Math.max(readyAt, usedAt ?? readyAt) + idleLimitMs, extendedUntil ?? 0)
}

const earliest = (one: number | null, other: number | null): number | null =>
  one === null ? other : other === null ? one : Math.min(one, other)
