import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { TestClock } from '../lib/clock.ts'
import {
  type MetricStore,
  type MetricStoreOptions,
  openMetricStore,
  type Point,
  type Range,
  type Tick,
} from './metric-store.ts'

const start = Date.UTC(2026, 0, 1)
const everything = { points: 5000 }

function aFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-metrics-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function aStore(dir = aFolder(), limits: MetricStoreOptions['limits'] = {}) {
  const clock = new TestClock()
  const problems: unknown[] = []
  const onProblem = (_: string, error: unknown) => problems.push(error)
  return { dir, clock, problems, store: openMetricStore({ dir, clock, limits, onProblem }) }
}

const cpu = (at: number, value: number): Tick => ({ at, values: [{ name: 'cpu', labels: {}, value }] })

/** Appends a value every two seconds, written in pieces of this many. */
async function fill(store: MetricStore, values: readonly number[], from = start, piece = 50): Promise<void> {
  for (const [index, value] of values.entries()) {
    store.append('one', cpu(from + index * 2000, value))
    if (index % piece === piece - 1) await store.read('one', { points: 2 })
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const line = (range: Range) => range.series.find(({ name }) => name === 'cpu')
const pointsOf = (range: Range) => (line(range)?.points ?? []).filter(([, value]) => value !== null)

test('what was appended is what is read, also by another store', async () => {
  const { store, dir } = aStore()
  await fill(store, [1, 2, 3.5])
  const range = await store.read('one', everything)
  expect(range).toMatchObject({ from: start, to: start + 4000, intervalMs: 2000 })
  expect(line(range)).toEqual({
    name: 'cpu',
    labels: {},
    last: 3.5,
    min: 1,
    avg: 6.5 / 3,
    max: 3.5,
    points: [
      [start, 1, 1, 1],
      [start + 2000, 2, 2, 2],
      [start + 4000, 3.5, 3.5, 3.5],
    ],
  })
  expect(await aStore(dir).store.read('one', everything)).toEqual(range)
})

test('any series with any values come back, in order and by their labels', async () => {
  const values = fc.array(fc.option(fc.float({ noNaN: true, noDefaultInfinity: true })), { maxLength: 30 })
  const sets = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), values, { maxKeys: 5, noNullPrototype: true })
  const property = fc.asyncProperty(sets, fc.integer({ min: 1, max: 7 }), async (series, piece) => {
    const { store, dir } = aStore()
    const length = Math.max(0, ...Object.values(series).map((one) => one.length))
    for (let index = 0; index < length; index++) {
      const known = Object.entries(series).flatMap(([gpu, one]) => {
        const value = one[index]
        return value === null || value === undefined ? [] : [{ name: 'x', labels: { gpu }, value }]
      })
      store.append('one', { at: start + index * 2000, values: known })
      if (index % piece === 0) await store.read('one', everything)
    }
    await store.finish('one')
    const range = await aStore(dir).store.read('one', everything)
    const read = new Map<string | undefined, readonly Point[]>(
      range.series.map(({ labels, points }) => [labels['gpu'], points]),
    )
    for (const [gpu, one] of Object.entries(series)) {
      const expected = one.flatMap((value, index) =>
        value === null ? [] : [[start + index * 2000, value, value, value]],
      )
      // Minus zero has the same place on a chart.
      const found = (read.get(gpu) ?? []).filter(([, value]) => value !== null)
      expect(found.map((point) => point.map((number) => (number ?? 0) + 0))).toEqual(
        expected.map((point) => point.map((number) => number + 0)),
      )
    }
    rmSync(dir, { recursive: true })
  })
  await fc.assert(property, { numRuns: 40 })
})

test('a torn end is dropped, and what comes later is kept', async () => {
  const { store, dir } = aStore()
  const values = Array.from({ length: 40 }, (_, index) => index)
  await fill(store, values, start, 4)
  await store.finish('one')
  const file = join(dir, 'one', 'raw')
  const whole = readFileSync(file)
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: whole.length }),
    fc.uint8Array({ maxLength: 60 }),
    async (length, garbage) => {
      writeFileSync(file, whole)
      truncateSync(file, length)
      appendFileSync(file, garbage)
      for (const coarse of ['30s', '5min']) rmSync(join(dir, 'one', coarse), { force: true })
      const kept = pointsOf(await aStore(dir).store.read('one', everything)).map(([, value]) => value)
      expect(kept).toEqual(values.slice(0, kept.length))
      expect(kept.length % 4).toBe(0)
      const next = aStore(dir).store
      next.append('one', cpu(start + 100 * 2000, 99))
      const after = pointsOf(await next.read('one', everything)).map(([, value]) => value)
      expect(after).toEqual([...kept, 99])
    },
  )
  // A header that was cut short, and zeros where the disk had not come that far.
  await fc.assert(property, { numRuns: 60, examples: [[14, Uint8Array.from([0, 0])]] })
})

test('least and most are kept at any zoom, over all tiers, however often the server is killed', async () => {
  const value = fc.float({ min: 0, max: 1000, noNaN: true })
  const property = fc.asyncProperty(
    fc.array(value, { minLength: 1, maxLength: 900 }),
    fc.integer({ min: 2, max: 300 }),
    fc.integer({ min: 20, max: 400 }),
    async (values, points, perLife) => {
      const dir = aFolder()
      // Small files, so that what is old is left to the coarser tiers.
      const bounds = { metricSegmentBytes: 6000, metricLastSegmentBytes: 4000 }
      for (let begin = 0; begin < values.length; begin += perLife) {
        const { store } = aStore(dir, bounds)
        await fill(store, values.slice(begin, begin + perLife), start + begin * 2000, 10)
        await store.read('one', { points: 2 })
      }
      const range = await aStore(dir, bounds).store.read('one', { points })
      const read = pointsOf(range)
      expect(line(range)?.points.length).toBeLessThanOrEqual(points)
      expect(Math.max(...read.map(([, , , max]) => max ?? 0))).toBe(Math.max(...values))
      expect(Math.min(...read.map(([, min]) => min ?? 0))).toBe(Math.min(...values))
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      expect(line(range)?.avg).toBeCloseTo(mean, 2)
      expect(line(range)?.last).toBe(values.at(-1))
      rmSync(dir, { recursive: true })
    },
  )
  await fc.assert(property, { numRuns: 30 })
})

test('a subject takes no more room than its bound, and keeps its whole course', async () => {
  const { store, dir } = aStore(undefined, { metricSegmentBytes: 20_000, metricLastSegmentBytes: 20_000 })
  const values = Array.from({ length: 60_000 }, (_, index) => index % 1000)
  await fill(store, values, start, 500)
  await store.finish('one')
  const files = readdirSync(join(dir, 'one'))
  expect(files.toSorted()).toEqual(['30s', '30s.old', '5min', 'raw', 'raw.old'])
  for (const name of files) expect(statSync(join(dir, 'one', name)).size).toBeLessThanOrEqual(20_000)
  const range = await store.read('one', { points: 200 })
  expect(range.from).toBe(start)
  expect(range.to).toBe(start + 59_999 * 2000)
  const points = pointsOf(range)
  expect(points.length).toBeGreaterThan(100)
  expect(points.map(([at]) => at)).toEqual(points.map(([at]) => at).toSorted((a, b) => a - b))
  expect(points.slice(1, -1).every(([, min, , max]) => min === 0 || max === 999 || (max ?? 0) > (min ?? 0))).toBe(true)
})

test('a gap stays a gap, and one missed measurement is none', async () => {
  const { store } = aStore()
  await fill(store, [1, 2, 3])
  store.append('one', cpu(start + 8000, 4))
  store.append('one', cpu(start + 600_000, 5))
  const { series } = await store.read('one', everything)
  expect(series[0]?.points.map(([at, , avg]) => [at - start, avg])).toEqual([
    [0, 1],
    [2000, 2],
    [4000, 3],
    [8000, 4],
    [10_000, null],
    [600_000, 5],
  ])
  const far = await store.read('one', { points: 10 })
  expect(far.series[0]?.points.map(([, , avg]) => avg === null)).toEqual([false, true, false])
})

test('a range and a choice of series', async () => {
  const { store } = aStore()
  const both = (at: number) => [...cpu(at, 1).values, { name: 'memory', labels: {}, value: 2 }]
  for (let at = start; at < start + 20_000; at += 2000) store.append('one', { at, values: both(at) })
  const range = await store.read('one', {
    names: new Set(['memory']),
    from: start + 3000,
    to: start + 8000,
    points: 50,
  })
  expect(range.series.map(({ name }) => name)).toEqual(['memory'])
  expect(range.series[0]?.points.map(([at]) => at - start)).toEqual([4000, 6000, 8000])
  expect(await store.read('nothing', everything)).toEqual({ from: null, to: null, intervalMs: 2000, series: [] })
})

test('a clock that is set back loses nothing', async () => {
  const { store } = aStore()
  for (const [at, value] of [
    [10_000, 1],
    [2000, 2],
    [12_000, 3],
  ] as const)
    store.append('one', cpu(start + at, value))
  const { series } = await store.read('one', everything)
  expect(series[0]?.points).toEqual([
    [start + 10_000, 1, 1.5, 2],
    [start + 12_000, 3, 3, 3],
  ])
})

test('values that are no numbers are left out', async () => {
  const { store } = aStore()
  for (const value of [Number.NaN, Infinity, 1]) store.append('one', cpu(start, value))
  expect(line(await store.read('one', everything))).toMatchObject({ min: 1, max: 1, avg: 1 })
})

test('followers get every moment once, from where they left off, until the end', async () => {
  const { store, dir } = aStore()
  await fill(
    store,
    Array.from({ length: 200 }, (_, index) => index),
  )
  const controller = new AbortController()
  const hasEnded = async () => false
  const seen: number[] = []
  const reading = (async () => {
    const ticks = store.follow('one', { after: start + 99 * 2000, signal: controller.signal, hasEnded })
    for await (const { at, values } of ticks) {
      seen.push(values[0]?.value ?? -1)
      if (at === start + 199 * 2000) {
        await fill(store, [200, 201], start + 200 * 2000)
        await store.finish('one')
      }
    }
  })()
  await reading
  expect(seen).toEqual(Array.from({ length: 102 }, (_, index) => 100 + index))
  const late = aStore(dir).store.follow('one', {
    after: start + 200 * 2000,
    signal: controller.signal,
    hasEnded: async () => true,
  })
  expect((await collect(late)).map(({ at }) => at - start)).toEqual([201 * 2000])
})

test('a follower who goes away ends, and so does one of a subject that is removed', async () => {
  const { store, dir } = aStore()
  await fill(store, [1])
  const gone = new AbortController()
  const hasEnded = async () => false
  const first = collect(store.follow('one', { signal: gone.signal, hasEnded }))
  const second = collect(store.follow('one', { signal: new AbortController().signal, hasEnded }))
  await new Promise((resolve) => setImmediate(resolve))
  gone.abort()
  expect(await first).toEqual([])
  expect(await collect(store.ids())).toEqual([])
  await store.read('one', everything)
  expect(await collect(store.ids())).toEqual(['one'])
  await store.remove('one')
  expect(await second).toEqual([])
  expect(readdirSync(dir)).toEqual([])
})

test('a disk that takes nothing is told of, and measuring goes on', async () => {
  const { store, dir, problems } = aStore()
  writeFileSync(join(dir, 'one'), 'a file where the folder should be')
  await fill(store, [1, 2])
  expect((await store.read('two', everything)).series).toEqual([])
  await store.finish('one')
  expect(problems).toHaveLength(1)
  rmSync(join(dir, 'one'))
  await fill(store, [3], start + 10_000)
  expect(pointsOf(await store.read('one', everything)).map(([, value]) => value)).toEqual([3])
})
