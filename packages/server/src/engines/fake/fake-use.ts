import type { Gpu, GpuSample, TaskSample, TaskSpec } from '../engine.ts'

const MiB = 1024 ** 2

/**
 * What a task pretends to have used after so many seconds: a wave of processor around half of what it was given, memory
 * that grows for a minute, and steady reading and writing. The same at every run, so that a test can say what it expects.
 */
export function fakeUse(spec: TaskSpec, seconds: number): TaskSample {
  const { cpus, memoryBytes } = spec.resources
  // The integral of cpus × (0.5 + 0.4 sin(t / 10)).
  const cpuSeconds = cpus * (0.5 * seconds + 4 * (1 - Math.cos(seconds / 10)))
  const memory = memoryBytes * (0.2 + 0.5 * Math.min(1, seconds / 60))
  return {
    id: spec.id,
    cpuSeconds,
    cpuPeriods: Math.floor(seconds * 10),
    cpuThrottledPeriods: Math.floor(seconds),
    memoryBytes: memory,
    memoryPeakBytes: memory,
    diskReadBytes: seconds * 8 * MiB,
    diskWriteBytes: seconds * 2 * MiB,
    processes: 3,
  }
}

/** What a GPU pretends to do at a time. */
export function fakeGpu({ index, memoryBytes }: Gpu, seconds: number): GpuSample {
  const wave = Math.sin(seconds / 10 + index)
  return {
    index,
    utilization: 60 + 30 * wave,
    memoryUtilization: 30 + 20 * wave,
    memoryUsedBytes: memoryBytes / 2,
    memoryTotalBytes: memoryBytes,
    powerWatts: 250 + 100 * wave,
    temperatureCelsius: 60 + 10 * wave,
  }
}
