/** What one bench found: a table, and what there is to know about it. */
export interface Section {
  title: string
  /** What was measured, in a sentence or two. */
  about: string
  columns: string[]
  rows: string[][]
}

/**
 * A section as Markdown, which is also readable in a terminal: the columns are padded. `measuredOn`: a line that says on
 * what and when.
 */
export function toMarkdown({ title, about, columns, rows }: Section, measuredOn: string): string {
  const widths = columns.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: string[]) => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [`### ${title}`, '', about, '', measuredOn, '', line(columns), rule, ...rows.map(line), ''].join('\n')
}

/** The value below which this share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5)

/** Milliseconds, with as many digits as mean something. */
export const formatMs = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

export const formatSeconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** A rate in 10^6 bytes per second. */
export const formatRate = (bytes: number, ms: number): string => `${Math.round(bytes / 1000 / ms)} MB/s`

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
