import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { GpuSample } from '../engine.ts'

const run = promisify(execFile)

const fields = [
  'index',
  'utilization.gpu',
  'utilization.memory',
  'memory.used',
  'memory.total',
  'power.draw',
  'temperature.gpu',
]
const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits']
const MiB = 1024 ** 2

/** A meter of all GPUs of this machine: `nvidia-smi` is run once at a time, and given up when it hangs. */
export class GpuMeter {
  readonly #clock: Clock
  readonly #path: string
  #asking: Promise<void> | null = null
  #last: GpuSample[] = []
  #lastAt = -Infinity

  /** `path`: the PATH on which `nvidia-smi` is looked for. */
  constructor(clock: Clock, path: string) {
    this.#clock = clock
    this.#path = path
  }

  /** What they do now; none when they do not answer in time, until they do. */
  async read(): Promise<GpuSample[]> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null))
    const began = this.#clock.steady()
    await this.#patience(this.#asking)
    return this.#lastAt >= began - limits.metricSampleMs / 2 ? this.#last : []
  }

  async #ask(): Promise<void> {
    const options = { timeout: limits.metricGpuMs, killSignal: 'SIGKILL', env: { PATH: this.#path } } as const
    try {
      const { stdout } = await run('nvidia-smi', query, options)
      this.#last = parseGpuUse(stdout)
      this.#lastAt = this.#clock.steady()
    } catch {
      this.#last = []
    }
  }

  #patience(asking: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(limits.metricGpuWaitMs, resolve)
      void asking.then(() => {
        cancel()
        resolve()
      })
    })
  }
}

/**
 * Reads lines such as `0, 97, 41, 30012, 81559, 412.07, 63` (percent, MiB, watts, degrees). What a card does not have
 * stands in brackets, as in `[N/A]`, and is left out.
 */
export function parseGpuUse(text: string): GpuSample[] {
  return text.split('\n').flatMap((line) => {
    const [index, ...rest] = line.split(',').map((field) => field.trim())
    if (!index || !/^\d+$/.test(index) || rest.length !== fields.length - 1) return []
    const [utilization, memoryUtilization, used, total, powerWatts, temperatureCelsius] = rest.map(toNumber)
    return [
      {
        index: Number(index),
        ...(utilization !== undefined && { utilization }),
        ...(memoryUtilization !== undefined && { memoryUtilization }),
        ...(used !== undefined && { memoryUsedBytes: used * MiB }),
        ...(total !== undefined && { memoryTotalBytes: total * MiB }),
        ...(powerWatts !== undefined && { powerWatts }),
        ...(temperatureCelsius !== undefined && { temperatureCelsius }),
      },
    ]
  })
}

function toNumber(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}
