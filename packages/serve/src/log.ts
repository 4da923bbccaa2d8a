import { nowIso } from './clock.ts'
import { limits } from './limits.ts'

/** Where lines of the log go. */
export type Log = (line: string) => void

/** A log of lines with the time before each. What programs of models say may hold anything: control characters go. */
export function createLog(write: (text: string) => void): Log {
  return (line) =>
    write(`${nowIso()} ${line.slice(0, limits.logLineBytes).replaceAll(/[\u0000-\u001f\u007f]/g, ' ')}\n`)
}
