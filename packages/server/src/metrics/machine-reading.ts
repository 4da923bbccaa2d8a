import { readFile, statfs } from 'node:fs/promises'
import type { GpuSample } from '../engines/engine.ts'
import type { SeriesValue } from './series.ts'

/** What the machine does at one moment. Processor figures are means since the reading before. */
export interface MachineReading {
  /** Milliseconds since the epoch. */
  at: number
  cores: number
  /** Null at the very first reading. */
  usedCores: number | null
  /** Percent of each core; empty at the very first reading. */
  perCore: number[]
  memoryUsedBytes: number
  memoryTotalBytes: number
  /** Means of the last 1, 5 and 15 minutes. */
  load: number[]
  /** The disk of the data folder. */
  diskUsedBytes: number
  diskTotalBytes: number
  gpus: GpuSample[]
}

/** Ticks of all cores and of each, since the machine was started. */
export interface CpuTicks {
  busy: number[]
  all: number[]
}

/** Reads what the machine does. `before`: the ticks of the reading before; processor figures are the mean since then. */
export async function readMachine(
  dataDir: string,
  at: number,
  before: CpuTicks | null,
): Promise<{ reading: MachineReading; ticks: CpuTicks }> {
  const [stat, memory, load, disk] = await Promise.all([
    readFile('/proc/stat', 'latin1'),
    readFile('/proc/meminfo', 'latin1'),
    readFile('/proc/loadavg', 'latin1'),
    statfs(dataDir),
  ])
  const ticks = parseTicks(stat)
  const shares = ticks.all.map((all, core) => shareOf(ticks, before, core, all))
  const isKnown = shares.length > 0 && shares.every((share) => share !== null)
  const perCore = isKnown ? shares.map((share) => share * 100) : []
  const memoryTotalBytes = kibibytesOf(memory, 'MemTotal')
  const reading = {
    at,
    cores: ticks.all.length,
    usedCores: isKnown ? perCore.reduce((sum, percent) => sum + percent / 100, 0) : null,
    perCore,
    memoryUsedBytes: memoryTotalBytes - kibibytesOf(memory, 'MemAvailable'),
    memoryTotalBytes,
    load: load.split(' ').slice(0, 3).map(Number),
    diskUsedBytes: (disk.blocks - disk.bfree) * disk.bsize,
    // As df(1) counts its percentage: without what is reserved for root, so that the rest is what can be written.
    diskTotalBytes: (disk.blocks - disk.bfree + disk.bavail) * disk.bsize,
    gpus: [],
  }
  return { reading, ticks }
}

/** The figures of a reading that are kept over time. */
export function machineValues(reading: MachineReading): SeriesValue[] {
  const { usedCores, memoryUsedBytes, load, diskUsedBytes, gpus } = reading
  const named = { cpu: usedCores, memory: memoryUsedBytes, load: load[0] ?? null, disk: diskUsedBytes }
  const own = Object.entries(named).flatMap(([name, value]) => (value === null ? [] : [{ name, labels: {}, value }]))
  return [...own, ...gpus.flatMap(gpuValues)]
}

/** The figures of one GPU, labelled with its index. */
export function gpuValues(gpu: GpuSample): SeriesValue[] {
  const named = {
    gpuUtilization: gpu.utilization,
    gpuMemoryUtilization: gpu.memoryUtilization,
    gpuMemoryUsed: gpu.memoryUsedBytes,
    gpuMemoryTotal: gpu.memoryTotalBytes,
    gpuPower: gpu.powerWatts,
    gpuTemperature: gpu.temperatureCelsius,
  }
  const labels = { gpu: String(gpu.index) }
  return Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [{ name, labels, value }]))
}

/**
 * Reads the lines `cpu0 …` of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal
 * (https://man7.org/linux/man-pages/man5/proc_stat.5.html). Waiting for a disk is idle.
 */
export function parseTicks(text: string): CpuTicks {
  const cores = [...text.matchAll(/^cpu\d+ (.*)$/gm)].map(([, numbers]) => (numbers ?? '').split(' ').map(Number))
  const all = cores.map((numbers) => numbers.slice(0, 8).reduce((sum, number) => sum + number, 0))
  return { all, busy: cores.map((numbers, core) => (all[core] ?? 0) - (numbers[3] ?? 0) - (numbers[4] ?? 0)) }
}

/** From 0 to 1; null when it cannot be told. */
function shareOf(now: CpuTicks, before: CpuTicks | null, core: number, all: number): number | null {
  if (!before || before.all.length !== now.all.length) return null
  const passed = all - (before.all[core] ?? 0)
  // Ticks of a core that slept may stand still, and counters of waiting may go back a little.
  if (passed <= 0) return 0
  return Math.min(1, Math.max(0, ((now.busy[core] ?? 0) - (before.busy[core] ?? 0)) / passed))
}

function kibibytesOf(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}
