import { type Block, visitItems } from './segment.ts'
import { type SeriesId, seriesOf } from './series.ts'

export interface RangeQuery {
  /** All series if left out. */
  names?: ReadonlySet<string>
  /** Milliseconds since the epoch; all there is if left out. */
  from?: number
  to?: number
  /** Most points of one series, 2 at least. */
  points: number
}

/** How far measurements of a subject are apart in time. */
export interface Pace {
  leastMs: number
  /** What is much further apart has a gap between. */
  mostMs: number
}

/** `[start of its interval in ms, least, mean, most]`; null where a gap begins. */
export type Point = [number, number | null, number | null, number | null]

export interface SeriesRange extends SeriesId {
  last: number
  min: number
  avg: number
  max: number
  points: Point[]
}

export interface Range {
  /** Times of the oldest and the newest that are in the range; null when nothing is. */
  from: number | null
  to: number | null
  intervalMs: number
  series: SeriesRange[]
}

/** What one tier has. */
export interface TierContent {
  widthMs: number
  blocks: readonly Block[]
}

interface Span {
  tier: TierContent
  from: number
  /** Exclusive. */
  to: number
}

/**
 * Reads a range in at most so many intervals, each with the least, the mean and the most in it, so that no spike is
 * lost however far one zooms out: the min-max part of M4 (Jugel et al., "M4: A Visualization-Oriented Time Series Data
 * Aggregation", VLDB 2014, https://www.vldb.org/pvldb/vol7/p797-jugel.pdf). The tier is the coarsest that is fine
 * enough; where it no longer has what is old, coarser ones fill in, and finer ones what is too new for it.
 *
 * @param tiers finest first
 * @param pace how far measurements are apart
 */
export function readRange(tiers: readonly TierContent[], query: RangeQuery, pace: Pace): Range {
  const wanted = tiers.map(({ widthMs, blocks }) => {
    return { widthMs, blocks: blocks.filter(({ key }) => isWanted(key, query)) }
  })
  // The first bucket of a coarser tier begins before anything was measured: only older ones count.
  const oldest = wanted.reduce((least, tier) => {
    const begin = beginOf(tier)
    return begin < Math.floor(least / (tier.widthMs || 1)) * (tier.widthMs || 1) ? begin : least
  }, Infinity)
  const newest = wanted.flatMap(({ blocks }) => blocks).reduce((most, { lastAt }) => Math.max(most, lastAt), -Infinity)
  const [from, to] = [Math.max(query.from ?? oldest, oldest), Math.min(query.to ?? newest, newest)]
  if (from > to) return { from: null, to: null, intervalMs: pace.leastMs, series: [] }
  const steps = Math.max(1, query.points - 1)
  const chosen = Math.max(
    0,
    tiers.findLastIndex(({ widthMs, blocks }) => widthMs <= (to - from) / steps && blocks.length > 0),
  )
  const step = Math.max(tiers[chosen]?.widthMs ?? 0, pace.leastMs)
  const intervalMs = Math.max(1, Math.ceil((to - from) / steps / step)) * step
  const grid = new Grid(from, to, intervalMs)
  for (const { tier, ...span } of spansOf(tiers, chosen)) {
    const width = Math.max(tier.widthMs, pace.mostMs)
    for (const block of tier.blocks) {
      if (isWanted(block.key, query)) {
        const reach = Math.max(0, tier.widthMs - 1)
        grid.add(block, reach, width, Math.max(span.from, from), Math.min(span.to, to + 1))
      }
    }
  }
  return { from, to: grid.newest, intervalMs, series: grid.series() }
}

function isWanted(key: string, { names }: RangeQuery): boolean {
  return !names || names.has(seriesOf(key).name)
}

/** Which tier tells of which time: each time is told once, and all that is kept is told. */
function spansOf(tiers: readonly TierContent[], chosen: number): Span[] {
  const spans: Span[] = []
  let end = -Infinity
  for (const [index, tier] of [...tiers.entries()].slice(0, chosen + 1).toReversed()) {
    const to = index === 0 ? Infinity : Math.max(end, endOf(tier))
    spans.push({ tier, from: end, to })
    end = to
  }
  const oldest = spans[0]
  if (!oldest) return spans
  // What is older than the chosen tier goes back to, by whole buckets of the coarser ones.
  let begin = beginOf(oldest.tier)
  for (const tier of tiers.slice(chosen + 1)) {
    const border = Math.min(Math.ceil(begin / tier.widthMs) * tier.widthMs, endOf(tier))
    if (beginOf(tier) > border - 2 * tier.widthMs) continue
    for (const span of spans) span.from = Math.max(span.from, border)
    spans.push({ tier, from: -Infinity, to: border })
    begin = beginOf(tier)
  }
  return spans
}

const beginOf = ({ blocks }: TierContent): number => blocks.reduce((least, { at }) => Math.min(least, at), Infinity)

const endOf = ({ blocks, widthMs }: TierContent): number =>
  blocks.reduce((most, { lastAt }) => Math.max(most, lastAt + widthMs), -Infinity)

/** Points of one series while they are gathered: plain arrays, so that a million measurements make no garbage. */
interface Column {
  min: Float64Array
  max: Float64Array
  sum: Float64Array
  count: Float64Array
  /** How far apart the measurements in it may be. */
  width: Float64Array
  lastAt: number
  last: number
}

class Grid {
  newest = -Infinity
  readonly #first: number
  readonly #to: number
  readonly #length: number
  readonly #intervalMs: number
  readonly #columns = new Map<string, Column>()

  constructor(from: number, to: number, intervalMs: number) {
    this.#intervalMs = intervalMs
    this.#first = Math.floor(from / intervalMs)
    this.#to = to
    this.#length = Math.floor(to / intervalMs) - this.#first + 1
  }

  /** Adds the items of a block from one time to another, exclusive. One that reaches into the range counts. */
  add(block: Block, reach: number, width: number, from: number, to: number): void {
    if (block.lastAt + reach < from || block.at >= to) return
    const column = this.#columns.get(block.key) ?? this.#newColumn(block.key)
    visitItems(block, (at, min, avg, max, count) => {
      if (at + reach < from || at >= to) return
      const index = Math.max(0, Math.floor(at / this.#intervalMs) - this.#first)
      column.min[index] = Math.min(column.min[index] ?? min, min)
      column.max[index] = Math.max(column.max[index] ?? max, max)
      column.sum[index] = (column.sum[index] ?? 0) + avg * count
      column.count[index] = (column.count[index] ?? 0) + count
      column.width[index] = Math.max(column.width[index] ?? 0, width)
      if (at < column.lastAt) return
      column.lastAt = at
      column.last = avg
      this.newest = Math.max(this.newest, Math.min(at, this.#to))
    })
  }

  series(): SeriesRange[] {
    return [...this.#columns]
      .filter(([, column]) => column.lastAt > -Infinity)
      .map(([key, column]) => ({ ...seriesOf(key), ...this.#totalsOf(column), points: this.#pointsOf(column) }))
      .sort((a, b) => compare(a.name, b.name) || compare(JSON.stringify(a.labels), JSON.stringify(b.labels)))
  }

  #newColumn(key: string): Column {
    const zeros = () => new Float64Array(this.#length)
    const column: Column = {
      min: zeros().fill(Infinity),
      max: zeros().fill(-Infinity),
      sum: zeros(),
      count: zeros(),
      width: zeros(),
      lastAt: -Infinity,
      last: 0,
    }
    this.#columns.set(key, column)
    return column
  }

  #totalsOf({ min, max, sum, count, last }: Column): Omit<SeriesRange, keyof SeriesId | 'points'> {
    const total = (numbers: Float64Array) => numbers.reduce((a, b) => a + b, 0)
    return {
      last,
      min: min.reduce((a, b) => Math.min(a, b), Infinity),
      avg: total(sum) / total(count),
      max: max.reduce((a, b) => Math.max(a, b), -Infinity),
    }
  }

  #pointsOf({ min, max, sum, count, width }: Column): Point[] {
    const points: Point[] = []
    let before = -1
    for (let index = 0; index < this.#length; index++) {
      const measurements = count[index] ?? 0
      if (measurements === 0) continue
      const apart = (index - before) * this.#intervalMs
      const usual = this.#intervalMs + missesAllowed * Math.max(width[index] ?? 0, width[before] ?? 0)
      if (before >= 0 && apart > usual) points.push([this.#timeOf(before + 1), null, null, null])
      const avg = (sum[index] ?? 0) / measurements
      points.push([this.#timeOf(index), min[index] ?? avg, avg, max[index] ?? avg])
      before = index
    }
    return points
  }

  #timeOf(index: number): number {
    return (this.#first + index) * this.#intervalMs
  }
}

/** A busy machine misses a measurement now and then; that is no gap. */
const missesAllowed = 2.5

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
