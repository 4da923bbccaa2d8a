import { usageError } from '../cli-error.ts'

/** Words for sizes, times and counts, and the way back from what a user types. */

const sizeUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `1.2 MB`: decimal units, as disks are sold and `ls --si` prints. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < sizeUnits.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)} ${sizeUnits[unit]}`
}

/** `1.2 GiB`: binary units, as memory is counted. */
export function formatMemory(bytes: number): string {
  const gib = bytes / 1024 ** 3
  return gib >= 1 ? `${Number(gib.toFixed(1))} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`
}

/** `0.4 s`, `12 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return join(minutes, 'min', whole % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return join(hours, 'h', minutes % 60, 'min')
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 d ago`, and the date for what is older than 30 days. */
export function formatAgo(iso: string | null, nowMs: number): string {
  if (iso === null) return '–'
  const seconds = Math.round((nowMs - Date.parse(iso)) / 1000)
  if (seconds < 0) return formatTime(iso)
  if (seconds < 5) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  if (seconds < 30 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`
  return iso.slice(0, 10)
}

/** A time of the API as local date and time, without a zone. */
export function formatTime(iso: string | null): string {
  if (iso === null) return '–'
  const time = new Date(iso)
  const two = (value: number): string => String(value).padStart(2, '0')
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
}

/** `12,345`. What the language brings for this takes longer to load than all else that a short command does with it. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 file`, `3 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

const secondsPerUnit: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }

/** Seconds of `90`, `90s`, `10m`, `2h`, `1h30m`, `1d`. Throws a usage error. */
export function parseDuration(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)\s*(min|[smhd])?\s*/gy)]
  const length = parts.reduce((sum, part) => sum + part[0].length, 0)
  if (parts.length === 0 || length !== text.trim().length) {
    throw usageError(`${JSON.stringify(text)} is not a length of time.`, 'Write it like 90s, 10m, 2h or 1h30m.')
  }
  return parts.reduce((sum, part) => sum + Number(part[1]) * (secondsPerUnit[part[2] ?? 's'] ?? 1), 0)
}

/** Bytes of `10GB`, `500 MB`, `1.5GiB`, `1024`. Throws a usage error. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?$/i.exec(text.trim())
  if (!match) throw usageError(`${JSON.stringify(text)} is not a size.`, 'Write it like 500MB, 10GB or 2GiB.')
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase())
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power)
}
