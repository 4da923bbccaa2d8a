import { createJob } from '@nabla/api/job'
import type { z } from 'zod'

/** What the form is about: a job but its files, which have fields of their own. */
export const jobFields = createJob.omit({ workspace: true })

export type JobFields = Partial<z.input<typeof jobFields>>
export type JobBody = z.input<typeof createJob>

/** Where the files of a job that is being made come from, as it is said in words. */
export type Origin =
  | { from: 'nothing' }
  | { from: 'git'; url: string; ref?: string; username?: string; password?: string }
  | { from: 'folder'; name: string; ignore: readonly string[] }
  | { from: 'archive'; name: string }
  /** Files that the server has: those of another job, or of an upload. */
  | { from: 'stored'; id: string; label: string }

/** What is not what it would be by itself: defaults of the contract are left out, and what is empty. */
export function givenFields(fields: JobFields): JobFields {
  const defaults: Record<string, unknown> = jobFields.parse({ command: 'x', project: 'x' })
  const given = Object.entries(fields).filter(([name, value]) => {
    if (value === undefined) return false
    return name === 'command' || name === 'project' || JSON.stringify(value) !== JSON.stringify(defaults[name])
  })
  return Object.fromEntries(given)
}

const secondsPerUnit: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }

/** Seconds of `90`, `90s`, `10m`, `2h`, `1h30m`, `1d`, as the CLI reads them; undefined for anything else. */
export function readDuration(text: string): number | undefined {
  const trimmed = text.trim()
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(min|[smhd])?\s*/gy)]
  const length = parts.reduce((sum, part) => sum + part[0].length, 0)
  if (parts.length === 0 || length !== trimmed.length) return undefined
  return parts.reduce((sum, part) => sum + Number(part[1]) * (secondsPerUnit[part[2] ?? 's'] ?? 1), 0)
}

/** `90s`, `10m`, `2h`, `1h30m`: what `readDuration` reads back. */
export function writeDuration(seconds: number): string {
  const [days, hours, minutes, rest] = [
    Math.floor(seconds / 86_400),
    Math.floor((seconds % 86_400) / 3600),
    Math.floor((seconds % 3600) / 60),
    seconds % 60,
  ]
  const parts = [days && `${days}d`, hours && `${hours}h`, minutes && `${minutes}m`, rest && `${rest}s`]
  return parts.filter(Boolean).join('') || '0s'
}
