import type { Trial } from '@nabla/api/sweep'
import { lanesOf } from '@nabla/api/trial-lanes'
import { formatDuration, formatTime } from '../terminal/format.ts'
import { spread, type TextView } from './view-parts.ts'

const signs: Record<Trial['state'], string> = { complete: '█', stopped: '▒', failed: '×', running: '░' }
/** More trials at a time are left out below. */
const mostLanes = 16

/** When each trial ran, those at the same time below each other. */
export function timelineView(trials: readonly Trial[], width: number, nowMs: number): TextView {
  const { bars, lanes } = lanesOf(trials, nowMs)
  const from = bars.reduce((least, bar) => Math.min(least, bar.from), Infinity)
  const to = bars.reduce((most, bar) => Math.max(most, bar.to), -Infinity)
  const columns = Math.max(20, Math.min(76, width))
  const columnOf = (at: number) => Math.min(columns - 1, Math.floor(((at - from) / Math.max(1, to - from)) * columns))
  const rows = Array.from({ length: Math.min(lanes, mostLanes) }, () => Array.from({ length: columns }, () => ' '))
  for (const { trial, lane, ...bar } of bars) {
    // One that ends where the next begins leaves the column to it.
    const end = Math.max(columnOf(bar.from) + 1, columnOf(bar.to) + (bar.to === to ? 1 : 0))
    rows[lane]?.fill(signs[trial.state], columnOf(bar.from), end)
  }
  const left = lanes > mostLanes ? [`and ${lanes - mostLanes} more at a time`] : []
  return {
    title: `Trials over ${formatDuration(to - from)}: ${signs.complete} complete  ${signs.stopped} stopped  ${signs.failed} failed  ${signs.running} running`,
    lines: [
      ...rows.map((row) => row.join('').trimEnd()),
      ...left,
      spread([formatTime(new Date(from).toISOString()), formatTime(new Date(to).toISOString())], columns),
    ],
  }
}
