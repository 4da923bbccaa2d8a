import type { Engine, GpuSample, Samples } from '../engines/engine.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { type CpuTicks, gpuValues, type MachineReading, machineValues, readMachine } from './machine-reading.ts'
import type { MetricStore } from './metric-store.ts'
import { type Measured, taskValues } from './task-rates.ts'

/** The subject under which the machine itself is kept. */
export const machineSubject = 'machine'

/** A task to be measured. What is measured is kept under its owner. */
export interface WatchedTask {
  id: string
  ownerId: string
  engine: string
  gpus: readonly number[]
}

export interface SamplerOptions {
  clock: Clock
  engines: ReadonlyMap<string, Engine>
  store: MetricStore
  /** Its disk is the one that is measured. */
  dataDir: string
  onProblem: (what: string, error: unknown) => void
}

/**
 * Measures what tasks and machine use, every `metricSampleMs` while a task runs or somebody looks at the machine.
 * Otherwise the machine alone, and seldom; engines are left in peace. A measurement that is due while one is still
 * being taken is skipped.
 */
export class Sampler {
  readonly #options: SamplerOptions
  #tasks: readonly WatchedTask[] = []
  #before = new Map<string, Measured>()
  #ticks: CpuTicks | null = null
  #latest: MachineReading | null = null
  #latestAt = -Infinity
  #sampling: Promise<void> | null = null
  #cancel: () => void = () => {}
  #stopped = false
  readonly #lookers = new Set<() => void>()
  readonly #failing = new Set<string>()

  constructor(options: SamplerOptions) {
    this.#options = options
  }

  /** Takes the first reading of the machine, from which the next ones count, and begins. */
  async start(): Promise<void> {
    await this.#sample()
    this.#arm()
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    for (const look of this.#lookers) look()
    await this.settled()
  }

  /** Resolves when no measurement is being taken. */
  async settled(): Promise<void> {
    await this.#sampling
  }

  /** Says which tasks there are to be measured from now on. */
  watch(tasks: readonly WatchedTask[]): void {
    const known = new Set(this.#tasks.map(({ id }) => id))
    this.#tasks = tasks
    // A new task is looked at at once: what it uses is counted from there.
    if (tasks.some(({ id }) => !known.has(id))) this.#tick()
  }

  /** What the machine does now: not older than the pause between two measurements. */
  async machine(): Promise<MachineReading> {
    const age = this.#options.clock.steady() - this.#latestAt
    if (age >= limits.metricSampleMs) await (this.#sampling ??= this.#begin())
    if (!this.#latest) throw new Error('the machine could not be measured; the log of the server says why')
    return this.#latest
  }

  /** Each reading of the machine, from the present one on, until the signal aborts. A slow reader misses some. */
  async *follow(signal: AbortSignal): AsyncGenerator<MachineReading, void, void> {
    let wake = () => {}
    const look = () => wake()
    this.#lookers.add(look)
    signal.addEventListener('abort', look)
    try {
      let seen = await this.machine()
      yield seen
      this.#arm()
      while (!signal.aborted && !this.#stopped) {
        if (this.#latest && this.#latest !== seen) {
          seen = this.#latest
          yield seen
        } else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', look)
      this.#lookers.delete(look)
    }
  }

  get #isBusy(): boolean {
    return this.#tasks.length > 0 || this.#lookers.size > 0
  }

  #arm(): void {
    this.#cancel()
    if (this.#stopped) return
    const pauseMs = this.#isBusy ? limits.metricSampleMs : limits.metricIdleMs
    this.#cancel = this.#options.clock.after(pauseMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#stopped) return
    this.#sampling ??= this.#begin()
    this.#arm()
  }

  #begin(): Promise<void> {
    return this.#sample().finally(() => (this.#sampling = null))
  }

  /** Never rejects. */
  async #sample(): Promise<void> {
    const tasks = this.#tasks
    const gpus = this.#isBusy ? await this.#sampleEngines(tasks) : []
    const { clock, dataDir, store } = this.#options
    await this.#guarded('the machine', async () => {
      const { reading, ticks } = await readMachine(dataDir, clock.now(), this.#ticks)
      this.#ticks = ticks
      this.#latest = { ...reading, gpus }
      this.#latestAt = clock.steady()
      store.append(machineSubject, { at: reading.at, values: machineValues(this.#latest) })
    })
    for (const look of this.#lookers) look()
  }

  /** Measures all tasks, and answers with the GPUs of all engines. */
  async #sampleEngines(tasks: readonly WatchedTask[]): Promise<GpuSample[]> {
    const after = new Map<string, Measured>()
    const gpus = await Promise.all(
      [...this.#options.engines].map(async ([name, engine]) => {
        const own = tasks.filter((task) => task.engine === name)
        const samples = await this.#guarded(`engine ${name}`, () => engine.sample(own.map(({ id }) => id)))
        if (samples) this.#keep(own, samples, after)
        return samples?.gpus ?? []
      }),
    )
    this.#before = after
    return gpus.flat()
  }

  #keep(tasks: readonly WatchedTask[], samples: Samples, after: Map<string, Measured>): void {
    const { clock, store } = this.#options
    const [at, steady] = [clock.now(), clock.steady()]
    const present = new Set(this.#tasks.map(({ id }) => id))
    for (const sample of samples.tasks) {
      const task = tasks.find(({ id }) => id === sample.id)
      // One that has ended meanwhile may be deleted already.
      if (!task || !present.has(task.id)) continue
      const now = { steady, sample }
      after.set(task.id, now)
      const own = samples.gpus.filter(({ index }) => task.gpus.includes(index))
      const values = [...taskValues(now, this.#before.get(task.id)), ...own.flatMap(gpuValues)]
      store.append(task.ownerId, { at, values })
    }
  }

  /** A failure is told once, until it works again. */
  async #guarded<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await run()
      this.#failing.delete(what)
      return result
    } catch (error) {
      if (!this.#failing.has(what)) this.#options.onProblem(what, error)
      this.#failing.add(what)
      return undefined
    }
  }
}
