import { searchSettings } from '@nabla/api/search'
import type { Sweep, Trial } from '@nabla/api/sweep'
import { describe, expect, test } from 'vitest'
import { widthOf } from '../terminal/terminal-width.ts'
import { textViews } from './views.ts'

const sweepOf = (objectives: object[]): Sweep =>
  ({
    search: searchSettings.parse({
      space: {
        rate: { type: 'uniform', low: 1e-4, high: 1, log: true },
        'a-name-that-is-longer-than-its-column': { type: 'int', low: 1, high: 8 },
        optimizer: { type: 'choice', values: ['sgd', 'adam'] },
      },
      objectives,
    }),
  }) as Sweep

const nowMs = 3_600_000

const trials = Array.from({ length: 40 }, (_, number) => {
  const rate = 10 ** (-4 + (number % 10) * 0.4)
  const values = {
    rate,
    'a-name-that-is-longer-than-its-column': 1 + (number % 8),
    optimizer: number % 2 ? 'sgd' : 'adam',
  }
  const loss = (Math.log10(rate) + 2) ** 2
  // Two at a time, a minute each.
  const askedAt = new Date(60_000 * Math.floor(number / 2)).toISOString()
  const endedAt = new Date(60_000 * (1 + Math.floor(number / 2))).toISOString()
  return {
    number,
    values,
    askedAt,
    endedAt,
    state: number === 3 ? 'failed' : 'complete',
    objectives: { loss, size: 10 - loss },
  } as unknown as Trial
})

describe.each([80, 60])('in a window of %d columns', (width) => {
  test('one objective has its importance, slices and a map', () => {
    const views = textViews(sweepOf([{ metric: 'loss' }]), trials, { width, nowMs })
    expect(views.map(({ title }) => title.split(' ')[0])).toEqual(['Importance', 'Best', 'The', 'loss', 'Trials'])
    const lines = views.flatMap(({ title, lines }) => [...title.split('\n'), ...lines])
    expect(lines.filter((line) => widthOf(line) > width)).toEqual([])
    expect(views[0]?.lines[0]).toMatch(/^rate .*█.* \d+ %$/)
    expect(views[1]?.lines.find((line) => line.startsWith('optimizer'))).toMatch(/. sgd {2}. adam/)
    expect(views[2]?.lines.find((line) => line.startsWith('rate'))).toMatch(/0\.0001 ─+E─+\*─+ 1$/)
    expect(views[2]?.lines.join(' ')).toMatch(/A trial \d+ .*E trial \d+/)
    // The middle of the range of the rate is best, its ends are worst.
    expect(views[1]?.lines.find((line) => line.startsWith('rate'))).toMatch(/0.0001 ▁.*█.*▁? *\d/)
  })

  test('several objectives have their front', () => {
    const views = textViews(sweepOf([{ metric: 'loss' }, { metric: 'size' }]), trials, { width, nowMs })
    expect(views[0]?.title).toContain('loss (across) and size (up)')
    expect(views[0]?.title.split('\n').filter((line) => widthOf(line) > width)).toEqual([])
    expect(views[0]?.lines.join('')).toContain('●')
    expect(views[0]?.lines.filter((line) => widthOf(line) > width)).toEqual([])
  })
})

test('the map is over the parameters that were asked for; too few trials have none', () => {
  const sweep = sweepOf([{ metric: 'loss' }])
  const map = textViews(sweep, trials, { width: 80, over: ['optimizer', 'rate'], nowMs }).at(-2)
  expect(map?.title).toContain('optimizer (across) and rate (up)')
  expect(map?.lines.at(-1)).toMatch(/sgd +adam/)
  const few = textViews(sweep, trials.slice(0, 4), { width: 80, nowMs })
  expect(few.map(({ title }) => title)).toEqual(['Trials over 2 min: █ complete  ▒ stopped  × failed  ░ running'])
  expect(few[0]?.lines.slice(0, 2)).toEqual(['█'.repeat(76), '█'.repeat(38) + '×'.repeat(38)])
})
