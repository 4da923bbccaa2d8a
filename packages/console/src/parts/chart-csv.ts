import type { ChartSeries } from './chart-data.ts'

/** Rows as CSV (RFC 4180), with a line of names first. Empty: nothing is known. */
export function toCsv(names: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [names, ...rows].map((row) => `${row.map(toField).join(',')}\r\n`).join('')
}

function toField(value: string | number | null): string {
  const text = String(value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

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
