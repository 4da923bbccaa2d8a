import { readFileSync } from 'node:fs'

/** A process of this machine, so that none is taken for it that got its number later. */
export interface ProcessMark {
  pid: number
  /** When it began, as the kernel counts; '' where that cannot be known. */
  start: string
}

/** The mark of this process. */
export const ownMark = (): ProcessMark => ({ pid: process.pid, start: startOf(process.pid) ?? '' })

/** Whether the process is still there. */
export function lives({ pid, start }: ProcessMark): boolean {
  if (start !== '') return startOf(pid) === start
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Field 22 of `/proc/PID/stat` (man 5 proc); null for one that is gone, or has ended and is not yet collected. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold spaces and brackets itself; what follows the last one is plain.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}
