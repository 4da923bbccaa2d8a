import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Processes of this machine, as seen from /proc. What goes while one looks is left out. */

export function allPids(): number[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
}

/** Processes in whose environment the text stands, but for this one. */
export function withVariable(text: string): number[] {
  return allPids().filter((pid) => pid !== process.pid && read(`/proc/${pid}/environ`).includes(text))
}

/** Processes that have a file below the folder open, but for this one: shims write their problems to one there. */
export function openersOf(folder: string): number[] {
  return allPids().filter((pid) => pid !== process.pid && openFiles(pid).some((path) => path.startsWith(`${folder}/`)))
}

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Numbers of the processes whose parent this one is. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((child) => parentOf(child) === pid)
}

function parentOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === '') return null
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

export const commandLineOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => link(join(`/proc/${pid}/fd`, fd)))
  } catch {
    return []
  }
}

function link(path: string): string[] {
  try {
    return [readlinkSync(path)]
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
