import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { choose } from './balance.ts'

const all = new Map([[1, 100]])

describe('choose', () => {
  test.each([
    ['the one with the fewest requests under way', [3, 1, 2], 0, 1],
    ['each in turn where they are equal', [1, 1, 1], 2, 2],
    ['the only one', [9], 5, 0],
  ])('takes %s', (_, outstanding, turn, expected) => {
    const candidates = outstanding.map((count, at) => ({ revision: 1, outstanding: count, at }))
    expect(choose(candidates, all, 0.5, turn)?.at).toBe(expected)
  })

  test('gives nothing to a revision without a share', () => {
    const candidates = [{ revision: 2, outstanding: 0 }]
    expect(choose(candidates, all, 0.5, 0)).toBeUndefined()
    expect(choose([], all, 0.5, 0)).toBeUndefined()
    const both = [...candidates, { revision: 1, outstanding: 50 }]
    expect(
      choose(
        both,
        new Map([
          [1, 100],
          [2, 0],
        ]),
        0.999,
        0,
      )?.revision,
    ).toBe(1)
  })

  test('leaves the requests of a revision that has nobody to the others', () => {
    const shares = new Map([
      [1, 90],
      [2, 10],
    ])
    expect(choose([{ revision: 1, outstanding: 0 }], shares, 0.99, 0)?.revision).toBe(1)
    expect(choose([{ revision: 2, outstanding: 0 }], shares, 0.01, 0)?.revision).toBe(2)
  })

  test('shares requests out as it is told, and always finds one where there is one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 5 }), (percent, count) => {
        const shares = new Map([
          [1, 100 - percent],
          [2, percent],
        ])
        const candidates = [1, 2].flatMap((revision) =>
          Array.from({ length: count }, () => ({ revision, outstanding: 0 })),
        )
        const chosen = Array.from({ length: 1000 }, (_, at) => choose(candidates, shares, at / 1000, at)!.revision)
        expect(chosen.filter((revision) => revision === 2).length / 10).toBeCloseTo(percent, 0)
      }),
    )
  })
})
