import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../../lib/limits.ts'
import { decideIdle, type IdleCase } from './idle.ts'

const hour = 3_600_000
const base: IdleCase = {
  now: 100 * hour,
  readyAt: 90 * hour,
  usedAt: 100 * hour,
  lookedAt: 100 * hour,
  idleLimitMs: hour,
  extendedUntil: null,
  hardAt: null,
  warnedAt: null,
}
const ago = (ms: number) => base.now - ms
const warning = limits.notebookWarningMs

describe('when a notebook stops', () => {
  test.each<[string, Partial<IdleCase>, Partial<ReturnType<typeof decideIdle>>]>([
    ['one in use runs on', {}, { stop: null, isWarned: false, stopsAt: 101 * hour, againAt: 101 * hour - warning }],
    ['nothing is decided without limits', { idleLimitMs: null }, { stop: null, stopsAt: null, againAt: null }],
    ['it is said before', { usedAt: ago(hour - warning) }, { stop: null, isWarned: true, againAt: ago(-warning) }],
    ['then it stops', { usedAt: ago(hour), warnedAt: ago(warning) }, { stop: 'idle' }],
    ['not without having been told', { usedAt: ago(2 * hour) }, { stop: null, isWarned: true }],
    ['not if nobody could look', { usedAt: ago(hour), warnedAt: ago(warning), lookedAt: ago(hour) }, { stop: null }],
    ['not if nobody ever looked', { usedAt: ago(hour), warnedAt: ago(warning), lookedAt: null }, { stop: null }],
    ['one that was never used counts from its start', { usedAt: null }, { isWarned: true, stopsAt: 91 * hour }],
    ['use of an earlier session does not count', { readyAt: 100 * hour, usedAt: 1 }, { stopsAt: 101 * hour }],
    ['who extends is heard', { usedAt: ago(9 * hour), extendedUntil: 102 * hour }, { stop: null, stopsAt: 102 * hour }],
    ['an extension never makes it shorter', { extendedUntil: base.now }, { stopsAt: 101 * hour }],
    ['the hard limit waits for nothing', { hardAt: base.now, lookedAt: null }, { stop: 'time-limit' }],
    ['the first of both counts', { hardAt: 100.5 * hour }, { stop: null, stopsAt: 100.5 * hour }],
    ['short limits have short warnings', { idleLimitMs: 60_000 }, { againAt: base.now + 45_000 }],
  ])('%s', (_, given, expected) => {
    expect(decideIdle({ ...base, ...given })).toMatchObject(expected)
  })

  const time = fc.integer({ min: 0, max: 200 * hour })
  const maybe = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary, { nil: null })
  const cases = fc.record({
    now: time,
    readyAt: time,
    usedAt: maybe(time),
    lookedAt: maybe(time),
    idleLimitMs: maybe(fc.integer({ min: 60_000, max: 48 * hour })),
    extendedUntil: maybe(time),
    hardAt: maybe(time),
    warnedAt: maybe(time),
  })

  test('it never stops for want of use that was, was unknown, was not told, or was extended', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { stop, isWarned, stopsAt, againAt } = decideIdle(given)
        if (againAt !== null) expect(stop).toBeNull()
        if (stop === null && stopsAt !== null) expect(againAt).not.toBeNull()
        if (stop !== 'idle') return
        expect(given.now - Math.max(given.usedAt ?? 0, given.readyAt)).toBeGreaterThanOrEqual(given.idleLimitMs!)
        expect(given.now - given.lookedAt!).toBeLessThanOrEqual(limits.notebookLookStaleMs)
        expect(given.extendedUntil ?? 0).toBeLessThanOrEqual(given.now)
        expect(given.warnedAt).toBeLessThanOrEqual(given.now)
        expect(isWarned).toBe(true)
      }),
    )
  })

  test('one that is looked at and not used stops in the end, whatever happened before', () => {
    fc.assert(
      fc.property(cases, (given) => {
        if (given.idleLimitMs === null || given.readyAt > given.now || (given.usedAt ?? 0) > given.now) return
        let now = given.now
        let warnedAt: number | null = null
        for (let step = 0; step < 20; step += 1) {
          const decided = decideIdle({ ...given, now, lookedAt: now, warnedAt })
          if (decided.stop !== null) return
          warnedAt = decided.isWarned ? (warnedAt ?? now) : null
          expect(decided.againAt).toBeGreaterThan(now)
          now = decided.againAt!
        }
        expect.unreachable('it runs for ever')
      }),
    )
  })
})
