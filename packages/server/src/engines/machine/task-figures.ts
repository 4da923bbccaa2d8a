import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { limits } from '../../lib/limits.ts'
import type { TaskSample } from '../engine.ts'
import { numberAfter, readKernelFile, readKernelLink, readKernelNumber, readStat } from './kernel-files.ts'

/** Where the figures of one task are. What this machine has no control group for is added up from its processes. */
export interface Place {
  /** The first process of the task's namespaces, and when it began: a number may be used again. */
  pid: number
  start: number
  /** List of the task's processes, without the first. */
  procs?: string
  cpuStat?: string
  /** Nanoseconds of processor: version 1. */
  cpuUsage?: string
  memory?: { current: string; stat: string; peak: string }
  pids?: string
}

type Figures = Omit<TaskSample, 'id'>

const pageBytes = 4096

/** The files of a task's control groups that tell what it uses. */
export function findFiles(groups: readonly string[]): Omit<Place, 'pid' | 'start'> {
  const first = (...names: string[]) => {
    for (const folder of groups) {
      const found = names.map((name) => join(folder, name)).find((path) => existsSync(path))
      if (found !== undefined) return found
    }
    return undefined
  }
  const current = first('memory.current', 'memory.usage_in_bytes')
  const stat = first('memory.stat')
  const peak = first('memory.peak', 'memory.max_usage_in_bytes')
  return definedOf({
    procs: first('cgroup.procs'),
    cpuStat: first('cpu.stat'),
    cpuUsage: first('cpuacct.usage'),
    memory: current && stat ? { current, stat, peak: peak ?? '' } : undefined,
    pids: first('pids.current'),
  })
}

/** All that can be told of a task now. */
export function readFigures(place: Place, tree: ReadonlyMap<number, number[]> = new Map()): Figures {
  const processes = place.procs ? groupOf(place.pid, place.procs) : descendantsOf(place.pid, tree)
  const countable = processes.length <= limits.metricProcesses ? processes : []
  return {
    ...readCpu(place, countable),
    ...readMemory(place, countable),
    ...readDisk(countable),
    ...readNetwork(place.pid),
    processes: (place.pids ? readKernelNumber(place.pids) : undefined) ?? Math.max(0, processes.length - 1),
  }
}

function readCpu(place: Place, processes: readonly number[]): Figures {
  const stat = place.cpuStat ? (readKernelFile(place.cpuStat) ?? '') : ''
  const micros = numberAfter(stat, 'usage_usec')
  const nanos = place.cpuUsage ? readKernelNumber(place.cpuUsage) : undefined
  const added = () => sumOf(processes.map((pid) => readStat(pid)?.cpuSeconds))
  return definedOf({
    cpuSeconds: micros === undefined ? (nanos === undefined ? added() : nanos / 1e9) : micros / 1e6,
    cpuPeriods: numberAfter(stat, 'nr_periods'),
    cpuThrottledPeriods: numberAfter(stat, 'nr_throttled'),
  })
}

/** The working set, as others count it too: what is charged to the group less file cache that is not in active use. */
function readMemory({ memory }: Place, processes: readonly number[]): Figures {
  if (!memory) return definedOf({ memoryBytes: sumOf(processes.map(privateBytes)) })
  const charged = readKernelNumber(memory.current)
  const stat = readKernelFile(memory.stat) ?? ''
  const inactive = numberAfter(stat, 'total_inactive_file') ?? numberAfter(stat, 'inactive_file') ?? 0
  return definedOf({
    memoryBytes: charged === undefined ? undefined : Math.max(0, charged - inactive),
    memoryPeakBytes: readKernelNumber(memory.peak),
  })
}

/** Pages of a process that no file stands behind: https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html */
function privateBytes(pid: number): number | undefined {
  const fields = readKernelFile(`/proc/${pid}/statm`)?.split(' ')
  return fields ? (Number(fields[1]) - Number(fields[2])) * pageBytes : undefined
}

/** The kernel adds what a process read and wrote to its parent's when it is waited for, so nothing is lost. */
function readDisk(processes: readonly number[]): Figures {
  const texts = processes.map((pid) => readKernelFile(`/proc/${pid}/io`)).filter((text) => text !== null)
  return definedOf({
    diskReadBytes: sumOf(texts.map((text) => numberAfter(text, 'read_bytes'))),
    diskWriteBytes: sumOf(texts.map((text) => numberAfter(text, 'write_bytes'))),
  })
}

/** Nothing when the task has the network of the machine: what goes over that cannot be told apart. */
export function readNetwork(pid: number): Figures {
  const own = readKernelLink(`/proc/${pid}/ns/net`)
  if (own === null || own === readKernelLink('/proc/self/ns/net')) return {}
  const lines = (readKernelFile(`/proc/${pid}/net/dev`) ?? '').split('\n').slice(2)
  const counts = lines
    .map((line) => line.trim().split(/[:\s]+/))
    .filter(([name, received]) => name !== 'lo' && received !== undefined)
  const sum = (column: number) => counts.reduce((total, fields) => total + Number(fields[column]), 0)
  return { networkInBytes: sum(1), networkOutBytes: sum(9) }
}

function groupOf(pid: number, procs: string): number[] {
  const others = (readKernelFile(procs) ?? '').split('\n').filter((line) => line !== '')
  return [...new Set([pid, ...others.map(Number)])]
}

function descendantsOf(pid: number, tree: ReadonlyMap<number, number[]>): number[] {
  const found = [pid]
  for (let index = 0; index < found.length; index++) found.push(...(tree.get(found[index] ?? 0) ?? []))
  return found
}

/** The sum of those that are known; undefined when none is. */
function sumOf(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, number) => total + number, 0)
}

/** Without the fields that are not known. */
function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
