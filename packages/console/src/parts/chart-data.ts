import type { MetricPoint } from '@nabla/api/metric'

/** One line of a chart. `points` are `[x, least, mean, most]`, by x; the values are null where a gap begins. */
export interface ChartSeries {
  /** Tells it apart, on this chart and on others: what is hidden on one is hidden on all. */
  id: string
  label: string
  points: readonly MetricPoint[]
  /** Place in the palette, where a colour shall stay the same across charts; its place in the list otherwise. */
  color?: number
  /** 0: a line without gaps; 1 and 2: dashes and dots, for lines that share a colour. */
  dash?: number
  /** It is what the line with this id was made from: drawn faintly, not in the legend, hidden with it. */
  ghostOf?: string
}

type Values = (number | null | undefined)[]

/**
 * Series of their own times side by side, as uPlot wants them: all times, then the mean of each series, with the least and
 * the most after it where `bands` says so. Undefined where a series has nothing to say, null where it has a gap.
 */
export function alignSeries(series: readonly ChartSeries[], bands: boolean): [number[], ...Values[]] {
  const [first] = series
  const isShared = series.every(({ points }) => isSameTimes(points, first?.points ?? []))
  if (isShared) {
    const times = first?.points.map(([x]) => x) ?? []
    return [times, ...series.flatMap(({ points }) => columnsOf(points, bands))]
  }
  const times = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
  const places = new Map(times.map((x, place) => [x, place]))
  const columns = series.flatMap(({ points }) => {
    const own = columnsOf(points, bands)
    return own.map((values) => {
      const column: Values = Array.from({ length: times.length })
      for (const [index, [x]] of points.entries()) column[places.get(x)!] = values[index]
      return column
    })
  })
  return [times, ...columns]
}

/** What of the series a logarithmic axis can show: numbers above 0. The others are gaps. */
export function aboveZero(series: readonly ChartSeries[], axes: { x: boolean; y: boolean }): readonly ChartSeries[] {
  if (!axes.x && !axes.y) return series
  const positive = (value: number | null) => (axes.y && value !== null && value <= 0 ? null : value)
  return series.map((one) => ({
    ...one,
    points: one.points
      .filter(([x]) => !axes.x || x > 0)
      .map(([x, min, mean, max]) => [x, positive(min), positive(mean), positive(max)] as const),
  }))
}

/** At most so many points, evenly chosen, for a table. */
export function thinOut<Point>(points: readonly Point[], most: number): Point[] {
  if (points.length <= most) return [...points]
  return Array.from({ length: most }, (_, place) => points[Math.round((place * (points.length - 1)) / (most - 1))]!)
}

/** Least, mean and most of a series, and its last value; undefined when there is none. */
export function summarize(points: readonly MetricPoint[]) {
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0]
  let last: number | undefined
  for (const [, least, mean, most] of points) {
    if (mean === null) continue
    min = Math.min(min, least ?? mean)
    max = Math.max(max, most ?? mean)
    sum += mean
    count += 1
    last = mean
  }
  return last === undefined ? undefined : { min, max, avg: sum / count, last }
}

function columnsOf(points: readonly MetricPoint[], bands: boolean): Values[] {
  const mean = points.map((point) => point[2])
  return bands ? [mean, points.map((point) => point[1]), points.map((point) => point[3])] : [mean]
}

function isSameTimes(one: readonly MetricPoint[], other: readonly MetricPoint[]): boolean {
  return one === other || (one.length === other.length && one.every(([x], place) => x === other[place]![0]))
}
