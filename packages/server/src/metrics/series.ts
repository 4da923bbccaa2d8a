/** What a series is called. Labels tell series of one name apart, such as the GPUs of a task. */
export interface SeriesId {
  name: string
  labels: Record<string, string>
}

export interface SeriesValue extends SeriesId {
  value: number
}

/** What was measured at one moment, in milliseconds since the epoch. */
export interface Tick {
  at: number
  values: SeriesValue[]
}

/** Some measurements of one series: those of `count` moments, from `at` on. One measurement is a bucket of its own. */
export interface Bucket {
  at: number
  min: number
  avg: number
  max: number
  count: number
}

/** Buckets by the key of their series, in order of time. */
export type Batch = Map<string, Bucket[]>

/** The same text for the same name and labels. */
export function keyOf({ name, labels }: SeriesId): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([name, Object.fromEntries(sorted)])
}

export function seriesOf(key: string): SeriesId {
  const [name, labels] = JSON.parse(key) as [string, Record<string, string>]
  return { name, labels }
}
