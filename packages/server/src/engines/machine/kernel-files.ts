import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'

/**
 * Reading the small files in which the kernel tells of processes and control groups. They come from memory in some
 * microseconds, so they are read at once: handing each to another thread would cost ten times as much.
 */
const room = Buffer.allocUnsafe(256 * 1024)

/** The whole file, up to 256 KiB; null when it is not there, or not for us. */
export function readKernelFile(path: string): string | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return null
  }
  try {
    let size = 0
    for (;;) {
      const read = readSync(file, room, size, room.length - size, null)
      size += read
      if (read === 0 || size === room.length) return room.toString('latin1', 0, size)
    }
  } catch {
    // A process that ends while it is read.
    return null
  } finally {
    closeSync(file)
  }
}

/** The number that is all a file holds; undefined when there is none. */
export function readKernelNumber(path: string): number | undefined {
  const text = readKernelFile(path)?.trim()
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** The number on the line that begins with `name`, as in `inactive_file 4096` or `read_bytes: 4096`. */
export function numberAfter(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)
  return match ? Number(match[1]) : undefined
}

/** What a link of the kernel names; null when it is not for us. */
export function readKernelLink(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

export interface ProcessStat {
  parent: number
  /** Clock ticks between the machine's start and the process's. */
  start: number
  /** Processor seconds, with those of children that have ended and were waited for. */
  cpuSeconds: number
}

/** Ticks of a second in /proc, whatever the kernel's own: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const ticksPerSecond = 100

/** Reads /proc/<pid>/stat; null for a process that is gone. */
export function readStat(pid: number): ProcessStat | null {
  const text = readKernelFile(`/proc/${pid}/stat`)
  if (text === null) return null
  // The name in brackets may hold spaces and brackets itself; what follows the last one is plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return { parent: Number(fields[1]), start: Number(fields[19]), cpuSeconds: ticks / ticksPerSecond }
}

/** The children of every process of the machine. */
export function readChildren(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readStat(Number(name))
    if (!stat) continue
    const siblings = children.get(stat.parent)
    if (siblings) siblings.push(Number(name))
    else children.set(stat.parent, [Number(name)])
  }
  return children
}
