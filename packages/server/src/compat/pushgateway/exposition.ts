import { AppError } from '../../lib/app-error.ts'

/** One sample of the text format of Prometheus. */
export interface Sample {
  name: string
  labels: Map<string, string>
  value: number
  /** Milliseconds since the epoch, if it says so. */
  at: number | undefined
}

/**
 * Reads the text format of Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). Throws AppError `invalid` that
 * names the first line that is wrong.
 */
export function parseExposition(text: string): Sample[] {
  const samples: Sample[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const sample = parseLine(line)
    if (!sample) throw new AppError('invalid', { detail: `Line ${index + 1} of the metrics is no sample.` })
    samples.push(sample)
  }
  return samples
}

const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*/
const label = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/y
const tail = /^\s*([^\s]+)(?:\s+(-?\d{1,15}))?\s*$/

function parseLine(line: string): Sample | undefined {
  const name = head.exec(line)
  if (!name) return undefined
  const labels = new Map<string, string>()
  let at = name[0].length
  if (line[at] === '{') {
    at += 1
    for (;;) {
      label.lastIndex = at
      const found = label.exec(line)
      if (!found) break
      labels.set(found[1]!, unescape(found[2]!))
      at = label.lastIndex
    }
    const end = /^\s*\}/.exec(line.slice(at))
    if (!end) return undefined
    at += end[0].length
  }
  const rest = tail.exec(line.slice(at))
  const value = rest && numberOf(rest[1]!)
  if (value === undefined || value === null) return undefined
  return { name: name[1]!, labels, value, at: rest?.[2] === undefined ? undefined : Number(rest[2]) }
}

const unescape = (text: string): string => text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))

function numberOf(text: string): number | undefined {
  const special = { '+Inf': Infinity, '-Inf': -Infinity, Inf: Infinity, NaN: Number.NaN }[text]
  if (special !== undefined) return special
  const number = Number(text)
  return Number.isNaN(number) ? undefined : number
}
