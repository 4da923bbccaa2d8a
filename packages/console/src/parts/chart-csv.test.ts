import type { MetricPoint } from '@nabla/api/metric'
import { expect, test } from 'vitest'
import { csvOfSeries } from './chart-csv.ts'
import type { ChartSeries } from './chart-data.ts'

test('has a row for each point that is drawn, and none for gaps', () => {
  const points: MetricPoint[] = [
    [0, 1, 2, 3],
    [1000, null, null, null],
  ]
  const series: ChartSeries[] = [
    { id: 'a', label: 'cpu', points },
    { id: 'b', label: 'cpu', points, ghostOf: 'a' },
  ]
  expect(csvOfSeries(series, true)).toBe('series,time,value,least,most\r\ncpu,1970-01-01T00:00:00.000Z,2,1,3\r\n')
  expect(csvOfSeries(series, false)).toContain('\r\ncpu,0,2,1,3\r\n')
})
