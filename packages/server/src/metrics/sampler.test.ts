import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Samples } from '../engines/engine.ts'
import { FakeEngine } from '../engines/fake/fake-engine.ts'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { parseTicks, readMachine } from './machine-reading.ts'
import { openMetricStore } from './metric-store.ts'
import { machineSubject, Sampler } from './sampler.ts'
import { taskValues } from './task-rates.ts'

/** Counts how often it is asked, and answers when it is told to. */
class WatchedEngine extends FakeEngine {
  asked: (readonly string[])[] = []
  hold: Promise<void> | null = null

  override async sample(ids: readonly string[]): Promise<Samples> {
    this.asked.push(ids)
    await this.hold
    return super.sample(ids)
  }
}

async function aSampler() {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-sampler-'))
  const clock = new TestClock()
  const engine = new WatchedEngine({ clock })
  const store = openMetricStore({ dir, clock })
  const problems: string[] = []
  const onProblem = (what: string) => problems.push(what)
  const sampler = new Sampler({ clock, engines: new Map([['fake', engine]]), store, dataDir: dir, onProblem })
  await sampler.start()
  onTestFinished(async () => {
    await sampler.stop()
    await engine.close()
    rmSync(dir, { recursive: true })
  })
  return { clock, engine, store, sampler, problems, dir }
}

async function running(engine: FakeEngine, clock: TestClock, dir: string, id: string) {
  const resources = { cpus: 2, memoryBytes: 1000, gpus: [], pids: 1 }
  const spec = {
    id,
    image: 'host',
    command: 'run=1000s',
    workingDir: '/',
    env: {},
    mounts: [],
    resources,
    outputDir: dir,
  }
  await engine.start(spec)
  clock.advance(1)
  return { id, ownerId: 'owner', engine: 'fake', gpus: [] }
}

test('asks engines while a task runs, and never while none does', async () => {
  const { clock, engine, sampler, dir, store } = await aSampler()
  clock.advance(10 * limits.metricIdleMs)
  await sampler.machine()
  expect(engine.asked).toEqual([])
  sampler.watch([await running(engine, clock, dir, 'tk1')])
  await vi.waitFor(() => expect(engine.asked).toEqual([['tk1']]), { timeout: 15_000 })
  for (let times = 2; times <= 4; times++) {
    await sampler.settled()
    clock.advance(limits.metricSampleMs)
    await vi.waitFor(() => expect(engine.asked).toHaveLength(times), { timeout: 15_000 })
  }
  await sampler.settled()
  const { series } = await store.read('owner', { points: 100 })
  expect(series.map(({ name }) => name)).toEqual(
    ['cpu', 'cpuThrottled', 'memory', 'memoryPeak', 'diskRead', 'diskWrite', 'processes'].toSorted(),
  )
  sampler.watch([])
  clock.advance(limits.metricIdleMs)
  await sampler.machine()
  expect(engine.asked).toHaveLength(4)
})

test('skips what is due while a measurement is being taken', async () => {
  const { clock, engine, sampler, dir } = await aSampler()
  let release = () => {}
  engine.hold = new Promise((resolve) => (release = resolve))
  sampler.watch([await running(engine, clock, dir, 'tk1')])
  clock.advance(5 * limits.metricSampleMs)
  expect(engine.asked).toHaveLength(1)
  engine.hold = null
  release()
  await sampler.settled()
  clock.advance(limits.metricSampleMs)
  await vi.waitFor(() => expect(engine.asked).toHaveLength(2), { timeout: 15_000 })
})

test('an engine that fails leaves a gap, is told of once, and does not keep others from being measured', async () => {
  const { clock, engine, sampler, dir, problems, store } = await aSampler()
  sampler.watch([await running(engine, clock, dir, 'tk1')])
  await vi.waitFor(() => expect(engine.asked).toHaveLength(1), { timeout: 15_000 })
  engine.down = true
  for (let times = 2; times <= 4; times++) {
    await sampler.settled()
    clock.advance(limits.metricSampleMs)
    await vi.waitFor(() => expect(engine.asked).toHaveLength(times), { timeout: 15_000 })
  }
  await sampler.settled()
  expect(problems).toEqual(['engine fake'])
  expect((await store.read(machineSubject, { points: 100 })).series.map(({ name }) => name)).toContain('memory')
})

test('what a task used becomes how fast it uses it; what is not known stays out', () => {
  const before = {
    steady: 1000,
    sample: { id: 'tk', cpuSeconds: 10, cpuPeriods: 10, cpuThrottledPeriods: 1, diskReadBytes: 50 },
  }
  const sample = { id: 'tk', cpuSeconds: 13, cpuPeriods: 30, cpuThrottledPeriods: 6, diskReadBytes: 40, memoryBytes: 7 }
  const values = taskValues({ steady: 3000, sample }, before)
  expect(values.map(({ name, value }) => [name, value])).toEqual([
    ['cpu', 1.5],
    ['cpuThrottled', 25],
    ['memory', 7],
  ])
  expect(taskValues({ steady: 3000, sample }, undefined).map(({ name }) => name)).toEqual(['memory'])
})

test('reads the machine', async () => {
  const first = await readMachine(tmpdir(), 5, null)
  expect(first.reading).toMatchObject({ at: 5, usedCores: null, perCore: [] })
  const idle = { all: first.ticks.all.map((all) => all - 100), busy: first.ticks.busy.map((busy) => busy - 25) }
  const { reading } = await readMachine(tmpdir(), 6, idle)
  expect(reading.usedCores).toBeGreaterThan(0)
  expect(reading.perCore).toHaveLength(reading.cores)
  expect(reading.memoryUsedBytes).toBeLessThan(reading.memoryTotalBytes)
  expect(reading.diskUsedBytes).toBeLessThan(reading.diskTotalBytes)
  expect(reading.load).toHaveLength(3)
  expect(parseTicks('cpu  9 9\ncpu0 10 0 20 60 10 0 0 0 5 5\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n')).toEqual({
    all: [100, 8],
    busy: [30, 6],
  })
})
