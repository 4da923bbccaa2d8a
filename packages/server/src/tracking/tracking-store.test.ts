import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Db } from '../deps.ts'
import { TestClock, toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { start } from '../testing/fixtures.ts'
import type { NamedPoint } from './point.ts'
import { TrackingStore } from './tracking-store.ts'

const nothing = { points: [], params: new Map<string, string>(), labels: new Map<string, string>() }

async function aRun(db: Db): Promise<string> {
  const id = newId('run')
  const ids = { id, teamId: 'te', projectId: 'pr', jobId: null, parentRunId: null, createdBy: 'u', volumeId: null }
  const row = { ...ids, name: 'run', state: 'running', source: 'api', note: '' }
  await db
    .insertInto('runs')
    .values({ ...row, startedAt: toIso(start), endedAt: null, deletedAt: null })
    .execute()
  return id
}

const ramp = (count: number, from = 0): NamedPoint[] =>
  Array.from({ length: count }, (_, index) => ({
    name: 'loss',
    step: from + index,
    at: start + (from + index) * 1000,
    value: Math.sin(from + index),
  }))

eachDatabase((make) => {
  let database: TestDatabase
  let clock: TestClock
  const openStore = (metricsPerRun = 100): TrackingStore => {
    const onProblem = (_: string, error: unknown) => {
      throw error
    }
    const store = new TrackingStore({ db: database.db, clock, metricsPerRun, paramsPerRun: 3, onProblem })
    onTestFinished(() => store.close())
    return store
  }
  beforeEach(async () => {
    database ??= await make()
    clock = new TestClock()
  })

  describe('values', () => {
    test('are read as they were logged, also those that are no numbers, and after a restart', async () => {
      const run = await aRun(database.db)
      const values = [1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.1, 1e300]
      const points = values.map((value, step) => ({ name: 'loss', step, at: start + step, value }))
      await openStore().log(run, { ...nothing, points })
      const again = openStore()
      await again.start()
      const { points: found } = await again.history(run, 'loss', 0, 100)
      expect(found).toEqual(points.map(({ step, at, value }) => ({ step, at, value })))
      const curve = await again.curve(run, 'loss', { axis: 'step', points: 100 })
      expect(curve?.points).toEqual(values.map((value, step) => [step, start + step, value, value, value]))
    })

    test('that go backwards or repeat a step are all kept; the latest is that of the greatest step', async () => {
      const run = await aRun(database.db)
      const store = openStore()
      const steps = [5, 6, 2, 6, 3]
      const points = steps.map((step, index) => ({ name: 'loss', step, at: start + index, value: index }))
      await store.log(run, { ...nothing, points })
      // A client that had no answer sends the same again.
      await store.log(run, { ...nothing, points: points.slice(2) })
      expect((await store.history(run, 'loss', 0, 100)).points.map(({ step }) => step)).toEqual(steps)
      const row = await database.db
        .selectFrom('runMetrics')
        .selectAll()
        .where('runId', '=', run)
        .executeTakeFirstOrThrow()
      expect(row).toMatchObject({ value: 3, step: 6, least: 0, most: 4, count: 5 })
      const curve = await store.curve(run, 'loss', { axis: 'step', points: 10 })
      expect(curve?.points).toEqual([
        [2, start + 2, 2, 2, 2],
        [3, start + 4, 4, 4, 4],
        [5, start, 0, 0, 0],
        [6, start + 1, 1, 2, 3],
      ])
    })

    test('of two writers at once to the same metric are all kept', async () => {
      const run = await aRun(database.db)
      const [one, other] = [openStore(), openStore()]
      const log = (store: TrackingStore, offset: number) =>
        Promise.all(
          Array.from({ length: 40 }, (_, index) =>
            store.log(run, { ...nothing, points: ramp(5, (index * 2 + offset) * 5) }),
          ),
        )
      await Promise.all([log(one, 0), log(other, 1)])
      await Promise.all([one.settle([run]), other.settle([run])])
      const { points, count } = await one.history(run, 'loss', 0, 1000)
      expect(count).toBe(400)
      expect(points.map(({ step }) => step).toSorted((a, b) => a - b)).toEqual(ramp(400).map(({ step }) => step))
    })
  })

  describe('a long metric', () => {
    const length = 30_000

    test('is thinned without losing its extremes, on either axis, whole or a part of it', async () => {
      const run = await aRun(database.db)
      const store = openStore()
      const points = ramp(length)
      points[12_345] = { ...points[12_345]!, value: 100 }
      points[20_000] = { ...points[20_000]!, value: Number.NaN }
      for (let from = 0; from < length; from += 5000) {
        await store.log(run, { ...nothing, points: points.slice(from, from + 5000) })
        await store.settle([run])
      }
      for (const axis of ['step', 'time'] as const) {
        const curve = await store.curve(run, 'loss', { axis, points: 200 })
        expect(curve?.count).toBe(length - 1)
        expect(curve?.points.length).toBeLessThanOrEqual(201)
        expect(Math.max(...curve!.points.map(([, , , , most]) => most).filter((most) => !Number.isNaN(most)))).toBe(100)
        expect(curve?.points.filter(([, , value]) => Number.isNaN(value))).toHaveLength(1)
      }
      const part = await store.curve(run, 'loss', { axis: 'step', points: 100, from: 12_300, to: 12_390 })
      expect(part?.points.map(([step]) => step)).toEqual(ramp(91, 12_300).map(({ step }) => step))
      expect(part?.points[45]).toEqual([12_345, start + 12_345_000, 100, 100, 100])
      const pages = [await store.history(run, 'loss', 0, 17_000), await store.history(run, 'loss', 17_000, 17_000)]
      const plain = points.map(({ step, at, value }) => ({ step, at, value }))
      expect(pages.flatMap((page) => page.points)).toEqual(plain)
    })

    test('takes as many rows to read, however long it is', async () => {
      const run = await aRun(database.db)
      const store = openStore()
      const rowsRead = async () => {
        const levels = await database.db
          .selectFrom('runValues')
          .select(({ fn }) => ['level', fn.countAll<number>().as('parts')])
          .where('runId', '=', run)
          .where('level', '>', 0)
          .groupBy('level')
          .execute()
        return Math.min(...levels.map(({ parts }) => parts))
      }
      await store.log(run, { ...nothing, points: ramp(9000) })
      await store.settle([run])
      expect(await rowsRead()).toBeLessThanOrEqual(17)
      await store.log(run, { ...nothing, points: ramp(51_000, 9000) })
      await store.settle([run])
      expect(await rowsRead()).toBeLessThanOrEqual(17)
    })
  })

  describe('what is refused', () => {
    test('a parameter that changes, with both values; the rest of the request is not kept either', async () => {
      const run = await aRun(database.db)
      const store = openStore()
      await store.log(run, { ...nothing, params: new Map([['lr', '0.1']]) })
      await store.log(run, { ...nothing, params: new Map([['lr', '0.1']]) })
      const changed = { points: ramp(1), labels: new Map(), params: new Map([['lr', '0.2']]) }
      await expect(store.log(run, changed)).rejects.toMatchObject({
        code: 'param_changed',
        message: 'The parameter lr was logged as 0.1 and cannot become 0.2.',
      })
      expect((await store.history(run, 'loss', 0, 10)).count).toBe(0)
    })

    test('more names than a run may have, and a run that is gone', async () => {
      const run = await aRun(database.db)
      const store = openStore(10)
      const names = (count: number) =>
        Array.from({ length: count }, (_, index) => ({ name: `m${index}`, step: 0, at: start, value: 1 }))
      await store.log(run, { ...nothing, points: names(10) })
      await expect(store.log(run, { ...nothing, points: names(11) })).rejects.toMatchObject({ code: 'too_many_names' })
      const params = new Map(['a', 'b', 'c', 'd'].map((name) => [name, '1']))
      await expect(store.log(run, { ...nothing, params })).rejects.toMatchObject({ code: 'too_many_names' })
      await expect(store.log('ru0', { ...nothing, points: ramp(1) })).rejects.toMatchObject({ code: 'not_found' })
    })
  })

  test('those who listen hear what was acknowledged; what nobody reads is folded after a while', async () => {
    const run = await aRun(database.db)
    const store = openStore()
    const heard: number[] = []
    const stop = store.listen(({ points }) => heard.push(...points.map(({ step }) => step)))
    await store.log(run, { ...nothing, points: ramp(3) })
    stop()
    await store.log(run, { ...nothing, points: ramp(3, 3) })
    expect(heard).toEqual([0, 1, 2])
    clock.advance(60_000)
    await expect
      .poll(() => database.db.selectFrom('runMetrics').select('count').where('runId', '=', run).execute())
      .toEqual([{ count: 6 }])
  })
})
