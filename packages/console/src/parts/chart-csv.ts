import { toCsv } from '@nabla/api/csv'
import type { ChartSeries } from './chart-data.ts'

/** The lines of a chart as CSV: a row for each point, times in ISO 8601. Gaps are left out. */
export function csvOfSeries(series: readonly ChartSeries[], isTime: boolean): string {
  const rows = series
    .filter(({ ghostOf }) => ghostOf === undefined)
    .flatMap(({ label, points }) =>
      points
        .filter(([, , mean]) => mean !== null)
        .map(([x, least, mean, most]) => [label, isTime ? new Date(x).toISOString() : x, mean, least, most]),
    )
  return toCsv(['series', isTime ? 'time' : 'x', 'value', 'least', 'most'], rows)
}
