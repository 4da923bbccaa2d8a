import { preferences } from './preferences.ts'

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const memoryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A size as disks are sold, and as the command line writes it: `1.5 GB`. */
export const formatBytes = (bytes: number): string => inUnits(bytes, 1000, byteUnits)

/** A size as memory is counted: `1.5 GiB`. */
export const formatMemory = (bytes: number): string => inUnits(bytes, 1024, memoryUnits)

function inUnits(bytes: number, step: number, units: readonly string[]): string {
  let value = bytes
  let unit = 0
  // What would be rounded to a whole step is one of the next unit.
  while (value >= step - 0.5 && unit < units.length - 1) {
    value /= step
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** A time that something took: `350 ms`, `4.2 s`, `3 m 12 s`, `2 h 5 m`, `3 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${Math.floor(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? `${hours} h${rest(minutes % 60, 'm')}` : `${Math.floor(hours / 24)} d${rest(hours % 24, 'h')}`
}

const rest = (count: number, unit: string): string => (count === 0 ? '' : ` ${count} ${unit}`)

/** How long ago or ahead: `now`, `5 m ago`, `in 3 h`. */
export function formatRelative(ms: number, nowMs: number): string {
  const distance = Math.abs(nowMs - ms)
  if (distance < 5000) return 'now'
  const text = coarse(distance)
  return ms <= nowMs ? `${text} ago` : `in ${text}`
}

// Made once, when it is first needed: a formatter costs a hundred times what it costs to use it.
const style = { dateStyle: 'medium', timeStyle: 'medium' } as const
const once = <Made>(make: () => Made): (() => Made) => {
  let made: Made | undefined
  return () => (made ??= make())
}
const inLocalZone = once(() => new Intl.DateTimeFormat(undefined, style))
const inUtc = once(() => new Intl.DateTimeFormat(undefined, { ...style, timeZone: 'UTC' }))

/** The exact time, in the zone of the reader or in UTC, as they chose. */
export function formatTime(time: string | number): string {
  const date = new Date(time)
  return preferences().zone === 'local' ? inLocalZone().format(date) : `${inUtc().format(date)} UTC`
}

/** `1 job`, `2 jobs`, `1,204 jobs`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** A number with its thousands apart. */
export const formatCount = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')

function coarse(ms: number): string {
  const minutes = ms / 60_000
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`
  if (minutes < 60) return `${Math.floor(minutes)} m`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`
  return `${Math.floor(minutes / 1440)} d`
}
