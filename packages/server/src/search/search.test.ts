import { searchSettings } from '@nabla/api/search'
import { describe, expect, test } from 'vitest'
import { createSearch, type SearchEvent } from './search.ts'
import type { Values } from './dimension.ts'
import type { Proposal } from './searcher.ts'

const space = {
  rate: { type: 'uniform', low: 1e-4, high: 1, log: true },
  layers: { type: 'int', low: 1, high: 8 },
  optimizer: { type: 'choice', values: ['sgd', 'adam'] },
  momentum: { type: 'uniform', low: 0, high: 1, step: 0.1, when: { parameter: 'optimizer', is: ['sgd'] } },
  width: { type: 'normal', mean: 3, deviation: 1, log: true },
}

const settingsFor = (searcher: string, more: Record<string, unknown> = {}) =>
  searchSettings.parse({ space, objectives: [{ metric: 'loss' }], searcher, seed: 7, ...more })

/** What a program would log for these values. */
function loss(values: Values): number {
  const { rate, layers, optimizer, momentum } = values as Record<string, number> & { optimizer: string }
  const distance = Math.abs(Math.log10(rate ?? 1) + 2) + Math.abs((layers ?? 0) - 3) / 4
  return distance + (optimizer === 'sgd' ? Math.abs((momentum ?? 0) - 0.9) : 0.5)
}

/** Searches with `parallel` trials at a time, of which the one that was asked first ends first. */
function run(settings: ReturnType<typeof settingsFor>, { trials, parallel }: { trials: number; parallel: number }) {
  const events: SearchEvent[] = []
  const asked: Proposal[] = []
  const running: number[] = []
  let search = createSearch(settings)
  const take = (event: SearchEvent) => {
    events.push(event)
    return search.happened(event)
  }
  const restart = () => {
    search = createSearch(settings)
    for (const event of events) search.happened(event)
  }
  return {
    events,
    asked,
    restart,
    /** One event: a trial is asked for, or one ends. Answers false when all is done. */
    step(): boolean {
      const proposal = asked.length < trials && running.length < parallel ? search.ask(asked.length) : 'wait'
      if (typeof proposal === 'object') {
        const number = asked.push(proposal) - 1
        running.push(number)
        take({ type: 'asked', number, proposal })
        return true
      }
      const number = running.shift()
      if (number === undefined) return false
      const { values, generation, from } = asked[number] as Proposal
      const tags = { ...(generation === undefined ? {} : { generation }), ...(from === undefined ? {} : { from }) }
      const value = loss(values)
      const state = number % 11 === 5 ? 'failed' : 'complete'
      take({ type: 'told', outcome: { number, values, ...tags, state, objectives: [value], step: 10 } })
      return true
    },
  }
}

const names = ['grid', 'random', 'sobol', 'tpe', 'cma-es', 'population']

describe.each(names)('%s', (searcher) => {
  test('proposes values of the space, and those of inactive parameters never', () => {
    const search = run(settingsFor(searcher), { trials: 60, parallel: 3 })
    while (search.step());
    expect(search.asked).toHaveLength(60)
    for (const { values } of search.asked) {
      expect(values['rate']).toBeGreaterThanOrEqual(1e-4)
      expect(values['rate']).toBeLessThanOrEqual(1)
      expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(values['layers'])
      expect(values['width']).toBeGreaterThan(0)
      if (values['optimizer'] === 'adam') expect(values).not.toHaveProperty('momentum')
      else expect([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((tenths) => tenths / 10)).toContain(values['momentum'])
    }
  })

  test('goes on after a restart at any event as if there had been none', () => {
    const undisturbed = run(settingsFor(searcher), { trials: 40, parallel: 4 })
    while (undisturbed.step());
    const disturbed = run(settingsFor(searcher), { trials: 40, parallel: 4 })
    while (disturbed.step()) disturbed.restart()
    expect(disturbed.events).toEqual(undisturbed.events)
  })

  test('differs with the seed, but for the grid', () => {
    const valuesWith = (seed: number) => createSearch(settingsFor(searcher, { seed })).ask(0)
    if (searcher === 'grid') expect(valuesWith(1)).toEqual(valuesWith(2))
    else expect(valuesWith(1)).not.toEqual(valuesWith(2))
  })

  test('tries what it was given first', () => {
    const first = [{ rate: 0.01, layers: 3, optimizer: 'adam', width: 20 }]
    const search = createSearch(settingsFor(searcher, { first }))
    expect(search.ask(0)).toEqual({ values: first[0] })
  })
})

test.each(['tpe', 'cma-es'])('%s finds better values than chance does', (searcher) => {
  const best = (name: string) => {
    const found = [1, 2, 3, 4, 5].map((seed) => {
      const search = run(settingsFor(name, { seed }), { trials: 120, parallel: 1 })
      while (search.step());
      return Math.min(...search.asked.map(({ values }) => loss(values)))
    })
    return found.toSorted((a, b) => a - b)[2] ?? Infinity
  }
  expect(best(searcher)).toBeLessThan(best('random'))
})

test('a population moves towards what is good', () => {
  const search = run(settingsFor('population'), { trials: 200, parallel: 5 })
  while (search.step());
  const mean = (all: Proposal[]) => all.reduce((sum, { values }) => sum + loss(values), 0) / all.length
  expect(mean(search.asked.slice(-10))).toBeLessThan(0.6 * mean(search.asked.slice(0, 10)))
  expect(search.asked.slice(10).every(({ from }) => from !== undefined)).toBe(true)
})

test('a trial that reports worse values than the others is stopped, at rungs alone', () => {
  const search = createSearch(settingsFor('random', { stopRule: { type: 'asha', first: 2, factor: 2 } }))
  const report = (number: number, step: number, value: number) =>
    search.happened({ type: 'reported', number, step, value }).stop
  expect([report(0, 1, 5), report(0, 2, 5)]).toEqual([false, false])
  expect([report(1, 1, 9), report(1, 2, 9)]).toEqual([false, true])
  expect([report(2, 2, 1), report(2, 3, 1), report(2, 4, 1)]).toEqual([false, false, false])
})

test('several objectives are traded against each other', () => {
  const objectives = [{ metric: 'loss' }, { metric: 'accuracy', direction: 'maximize' }]
  const settings = searchSettings.parse({ space: { x: { type: 'uniform', low: 0, high: 1 } }, objectives, seed: 3 })
  const search = createSearch(settings)
  const found: number[] = []
  for (let number = 0; number < 80; number++) {
    const proposal = search.ask(number) as Proposal
    const x = proposal.values['x'] as number
    // Both are at their best between 0.2 and 0.4, where one is gained what the other loses.
    const far = Math.max(0, x - 0.4, 0.2 - x) * 10
    search.happened({ type: 'asked', number, proposal })
    const objectives = [x + far, x - far]
    search.happened({ type: 'told', outcome: { number, ...proposal, state: 'complete', objectives, step: 1 } })
    if (number >= 40 && x >= 0.2 && x <= 0.4) found.push(x)
  }
  expect(found.length).toBeGreaterThan(20)
})
