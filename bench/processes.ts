import { readdirSync, readFileSync } from 'node:fs'

/** Processes that have this variable, `NAME=value`, in their environment. */
export function marked(variable: string): number[] {
  return allPids().filter((pid) => read(pid, 'environ').split('\0').includes(variable))
}

/** These and the processes above them, but for those of `others` and the first of the machine and of this program. */
export function withKeepers(pids: readonly number[], others: readonly number[]): number[] {
  const found = new Set<number>()
  const ends = new Set([0, 1, process.pid, process.ppid, ...others])
  for (const pid of pids) {
    for (let at = pid; !ends.has(at) && !found.has(at); at = parentOf(at)) found.add(at)
  }
  return [...found]
}

/** Bytes of memory that they hold together; what they share is counted once (PSS). */
export function memoryOf(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => Number(/^Pss:\s+(\d+) kB$/m.exec(read(pid, 'smaps_rollup'))?.[1] ?? 0))
  return 1024 * kilobytes.reduce((sum, one) => sum + one, 0)
}

/** Processor time so far, in seconds: of all threads, in user and system mode. Linux counts it 100 times a second. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => Number(fieldsOf(pid)[11] ?? 0) + Number(fieldsOf(pid)[12] ?? 0))
  return ticks.reduce((sum, one) => sum + one, 0) / 100
}

const parentOf = (pid: number): number => Number(fieldsOf(pid)[1] ?? 0)

/** Fields of its line behind the name of the program: the first is the state. */
const fieldsOf = (pid: number): string[] => read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []

const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

/** Empty when it is gone. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    return ''
  }
}
