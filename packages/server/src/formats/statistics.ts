import type { MetricStatistics } from '@nabla/api/model-format'

/** What finite values come to; undefined where there are fewer than two. Mean and variance by Welford's method. */
export function statisticsOf(values: readonly number[]): MetricStatistics | undefined {
  if (values.length < 2) return undefined
  let [mean, squares] = [0, 0]
  values.forEach((value, before) => {
    const away = value - mean
    mean += away / (before + 1)
    squares += away * (value - mean)
  })
  const sorted = Float64Array.from(values).sort()
  const at = (index: number) => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  const variance = squares / sorted.length
  return {
    count: sorted.length,
    min: at(0),
    max: at(sorted.length - 1),
    mean,
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    variance,
    deviation: Math.sqrt(variance),
  }
}
