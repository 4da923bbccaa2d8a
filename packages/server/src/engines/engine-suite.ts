import { text } from 'node:stream/consumers'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { type Engine, ExecError, type TaskReport, type TaskSample, type TaskSpec } from './engine.ts'

/** One engine to try, with a place for its files. Commands that every engine must understand: `exit N`, `sleep N`. */
export interface EngineBench {
  readonly engine: Engine
  /** Lets go of the engine as a server that ends would, and makes another one that finds the same tasks. */
  restart(): Promise<Engine>
  /** A small task with an id of its own. */
  task(command: string, changes?: Partial<TaskSpec>): TaskSpec
  /** Removes every task and all files. */
  close(): Promise<void>
}

const boundMs = 20_000
const pollMs = 10

/** Waits until the engine reports a task in a way that suits, and returns that report. */
export async function reported(
  engine: Engine,
  id: string,
  suits: (report: TaskReport) => boolean,
  withinMs = boundMs,
): Promise<TaskReport> {
  let last: TaskReport | undefined
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += pollMs) {
    last = (await engine.list()).find((report) => report.id === id)
    if (last && suits(last)) return last
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  throw new Error(`waited in vain for task ${id}; last seen: ${JSON.stringify(last)}`)
}

export const ended = (engine: Engine, id: string, withinMs = boundMs) =>
  reported(engine, id, ({ state }) => state === 'ended', withinMs)
export const running = (engine: Engine, id: string) => reported(engine, id, ({ state }) => state === 'running')

/** Measures a task until what it uses suits, and returns that measurement. */
export async function sampled(engine: Engine, id: string, suits: (sample: TaskSample) => boolean): Promise<TaskSample> {
  let last: TaskSample | undefined
  for (let waitedMs = 0; waitedMs < boundMs; waitedMs += pollMs) {
    last = (await engine.sample([id])).tasks[0]
    if (last && suits(last)) return last
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  throw new Error(`waited in vain for the use of task ${id}; last seen: ${JSON.stringify(last)}`)
}

/** What the control loop relies on, the same for every engine. */
export function engineSuite(name: string, make: () => Promise<EngineBench>): void {
  describe(`${name} engine keeps the contract`, () => {
    let bench: EngineBench
    beforeEach(async () => {
      bench = await make()
    })
    afterEach(() => bench.close())
    for (const [what, check] of Object.entries(contract)) test(what, () => check(bench))
  })
}

const contract: Record<string, (bench: EngineBench) => Promise<void>> = {
  async 'runs a command and tells its phases and its exit'(bench) {
    const task = bench.task('exit 0')
    await bench.engine.start(task)
    const report = await ended(bench.engine, task.id)
    expect(report.exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
    const phases = report.phases.map(({ phase }) => phase)
    expect(phases.filter((phase) => !['image', 'create', 'start'].includes(phase))).toEqual(['files', 'run'])
    const times = [...report.phases.map(({ at }) => at), report.endedAt ?? 0]
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  },

  async "gives the command's own exit code"(bench) {
    const task = bench.task('exit 3')
    await bench.engine.start(task)
    expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'exit', code: 3, blame: 'user' })
  },

  async 'lists a task from the moment that start resolves'(bench) {
    const task = bench.task('sleep 1000')
    await bench.engine.start(task)
    expect((await bench.engine.list()).map(({ id }) => id)).toEqual([task.id])
  },

  async 'starts a task once, however often and at the same time it is told to'(bench) {
    const task = bench.task('exit 7')
    await Promise.all(Array.from({ length: 8 }, () => bench.engine.start(task)))
    const report = await ended(bench.engine, task.id)
    await bench.engine.start(task)
    expect(await bench.engine.list()).toEqual([report])
    expect(report.exit?.code).toBe(7)
  },

  async 'stops a task, and does not mind being told again'(bench) {
    const task = bench.task('sleep 1000')
    await bench.engine.start(task)
    await running(bench.engine, task.id)
    await bench.engine.stop(task.id, 5_000)
    await bench.engine.stop(task.id, 5_000)
    const report = await ended(bench.engine, task.id)
    expect(report.exit).toMatchObject({ cause: 'signal', code: 143 })
    await bench.engine.stop(task.id, 5_000)
    expect(await bench.engine.list()).toEqual([report])
  },

  async 'stops a task that has only just been started'(bench) {
    const task = bench.task('sleep 1000')
    await bench.engine.start(task)
    await bench.engine.stop(task.id, 5_000)
    expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'signal', code: 143 })
  },

  async 'ignores ids that it does not know'(bench) {
    await bench.engine.stop('tknone', 1)
    await bench.engine.remove('tknone')
    expect(await bench.engine.list()).toEqual([])
  },

  async 'forgets a task that is removed, and only that'(bench) {
    const [gone, kept] = [bench.task('exit 0'), bench.task('exit 0')]
    await bench.engine.start(gone)
    await bench.engine.start(kept)
    await ended(bench.engine, gone.id)
    await ended(bench.engine, kept.id)
    await bench.engine.remove(gone.id)
    await bench.engine.remove(gone.id)
    expect((await bench.engine.list()).map(({ id }) => id)).toEqual([kept.id])
  },

  async 'tells of a change without being asked'(bench) {
    const task = bench.task('exit 0')
    const watching = new AbortController()
    const end = new Promise<void>((resolve) => {
      const look = async (id: string) => {
        const report = (await bench.engine.list()).find((one) => one.id === id)
        if (report?.state === 'ended') resolve()
      }
      bench.engine.watch((id) => void look(id), watching.signal)
    })
    await bench.engine.start(task)
    await end
    watching.abort()
  },

  async 'finds its tasks again after a restart of the server'(bench) {
    const [over, going] = [bench.task('exit 5'), bench.task('sleep 1000')]
    await bench.engine.start(over)
    await bench.engine.start(going)
    await ended(bench.engine, over.id)
    await running(bench.engine, going.id)
    const engine = await bench.restart()
    await engine.start(going)
    const reports = new Map((await engine.list()).map((report) => [report.id, report]))
    expect(reports.get(over.id)?.exit?.code).toBe(5)
    expect(reports.get(going.id)?.state).toBe('running')
    await engine.stop(going.id, 5_000)
    expect((await ended(engine, going.id)).exit).toMatchObject({ cause: 'signal', code: 143 })
  },

  async 'runs programs inside a task'(bench) {
    const task = bench.task('sleep 1000')
    await bench.engine.start(task)
    await running(bench.engine, task.id)
    const cat = await bench.engine.exec(task.id, { argv: ['cat'], env: {} })
    cat.input.end('there and back')
    expect(await Promise.all([text(cat.output), cat.exit])).toEqual(['there and back', 0])
    const failing = await bench.engine.exec(task.id, { argv: ['sh', '-c', 'exit 3'], env: {} })
    failing.input.end()
    failing.output.resume()
    failing.errors.resume()
    expect(await failing.exit).toBe(3)
    await bench.engine.stop(task.id, 0)
    await ended(bench.engine, task.id)
    await expect(bench.engine.exec(task.id, { argv: ['cat'], env: {} })).rejects.toBeInstanceOf(ExecError)
    await expect(bench.engine.exec('tknone', { argv: ['cat'], env: {} })).rejects.toBeInstanceOf(ExecError)
  },

  async 'measures what a task uses'(bench) {
    const idle = bench.task('sleep 1000')
    const busy = bench.task('text=$(head -c 60000000 /dev/zero | tr "\\0" x); while :; do :; done')
    await bench.engine.start(idle)
    await bench.engine.start(busy)
    await sampled(bench.engine, idle.id, ({ memoryBytes }) => (memoryBytes ?? 0) > 0)
    const sample = await sampled(
      bench.engine,
      busy.id,
      ({ cpuSeconds, memoryBytes }) => (cpuSeconds ?? 0) > 0.3 && (memoryBytes ?? 0) > 55_000_000,
    )
    expect(sample.processes).toBeGreaterThan(0)
    const { tasks } = await bench.engine.sample([idle.id, busy.id, 'tknone'])
    expect(tasks.map(({ id }) => id)).toEqual([idle.id, busy.id])
    expect(tasks[0]?.cpuSeconds).toBeLessThan(tasks[1]?.cpuSeconds ?? 0)
    await bench.engine.stop(busy.id, 5_000)
    await ended(bench.engine, busy.id)
    expect((await bench.engine.sample([busy.id])).tasks).toEqual([])
  },

  async 'says what it can run'(bench) {
    const answers = ['host', 'python:3.13'].map((image) => bench.engine.accepts(image))
    expect(answers.some(({ ok }) => ok)).toBe(true)
    for (const answer of answers) if (!answer.ok) expect(answer.reason).toMatch(/\w{3}/)
    const { cpus, memoryBytes } = await bench.engine.capacity()
    expect(cpus).toBeGreaterThan(0)
    expect(memoryBytes).toBeGreaterThan(0)
    for (const { topic, message } of await bench.engine.doctor()) expect(topic && message).toMatch(/\w{3}/)
  },
}
