import type { AxisValue, ValueAxis } from './value-axis.ts'

/** What of an axis is kept: two places on it, from 0 to 1. */
export type Brush = readonly [number, number]

/** By the id of the axis. */
export type Brushes = Readonly<Record<string, Brush>>

/** Rows, of so many, that go through what is kept of every axis. One without a value there does not. */
export function rowsWithin(
  axes: readonly { id: string; axis: ValueAxis; values: readonly AxisValue[] }[],
  brushes: Brushes,
  count: number,
): number[] {
  const brushed = axes.flatMap(({ id, axis, values }) => {
    const brush = brushes[id]
    return brush ? [{ axis, values, low: brush[0] - 1e-9, high: brush[1] + 1e-9 }] : []
  })
  const rows: number[] = []
  for (let row = 0; row < count; row++) {
    const isWithin = brushed.every(({ axis, values, low, high }) => {
      const place = axis.place(values[row])
      return place !== undefined && place >= low && place <= high
    })
    if (isWithin) rows.push(row)
  }
  return rows
}

const step = 0.05

/** What a key makes of a brush; `none`: the key means nothing here. */
export function moveBrush(brush: Brush | undefined, key: string, wider: boolean): Brush | undefined | 'none' {
  if (key === 'Escape') return brush ? undefined : 'none'
  const by = { ArrowUp: step, ArrowDown: -step }[key]
  if (by === undefined) return 'none'
  const [low, high] = brush ?? [0.4, 0.6]
  if (!brush) return [low, high]
  if (wider) return [Math.max(0, low - by / 2), Math.max(low, Math.min(1, high + by / 2))]
  const bounded = Math.min(1 - high, Math.max(-low, by))
  return [low + bounded, high + bounded]
}

/** Brushes as a word of the address: `lr:0.2-0.45,model:0-1`. */
export function writeBrushes(brushes: Brushes): string {
  const short = (place: number) => String(Math.round(place * 1000) / 1000)
  return Object.entries(brushes)
    .map(([id, [low, high]]) => `${encodeURIComponent(id)}:${short(low)}-${short(high)}`)
    .join(',')
}

/** Reads them back; what is none is left out. */
export function readBrushes(text: string): Brushes {
  const pairs = text.split(',').flatMap((part) => {
    const match = /^([^:]+):([\d.]+)-([\d.]+)$/.exec(part)
    if (!match) return []
    const [low, high] = [Number(match[2]), Number(match[3])]
    if (!(low >= 0 && high <= 1 && low <= high)) return []
    try {
      return [[decodeURIComponent(match[1]!), [low, high] as const] as const]
    } catch {
      return []
    }
  })
  return Object.fromEntries(pairs)
}
