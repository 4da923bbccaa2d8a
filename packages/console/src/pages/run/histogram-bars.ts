/** How many values lie below each limit, and above the one before: as the server writes it. */
export interface Histogram {
  least: number
  limits: number[]
  counts: number[]
}

export interface Bar {
  from: number
  to: number
  count: number
  /** Values for each part of the range that is as wide: buckets may be of any width. */
  density: number
}

/** Bars that are told apart; of more, buckets beside each other are put together. */
const mostBars = 60

/** The buckets that hold something, and those between them. */
export function barsOf({ least, limits, counts }: Histogram): Bar[] {
  const begin = counts.findIndex((count) => count > 0)
  const end = counts.findLastIndex((count) => count > 0) + 1
  if (begin === -1) return []
  const step = Math.ceil((end - begin) / mostBars)
  const bars: Bar[] = []
  for (let at = begin; at < end; at += step) {
    const until = Math.min(end, at + step)
    const from = at === 0 ? Math.min(least, limits[0]!) : limits[at - 1]!
    const to = limits[until - 1]!
    const count = counts.slice(at, until).reduce((sum, own) => sum + own, 0)
    // All values may be the same: the bucket has no width.
    const own = to > from ? { from, to } : { from: from - 0.5, to: from + 0.5 }
    bars.push({ ...own, count, density: count / (own.to - own.from) })
  }
  return bars
}
