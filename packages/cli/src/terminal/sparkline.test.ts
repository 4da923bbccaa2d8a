import { expect, test } from 'vitest'
import { formatMetric } from './metric-format.ts'
import { gauge, sparkline } from './sparkline.ts'

test('values become bars, gaps blanks', () => {
  expect(sparkline([0, 1, 2, null, 4, 8], 20, 8)).toBe('▁▁▂ ▄█')
  expect(sparkline([0, 0], 20, 0)).toBe('▁▁')
  expect(sparkline([], 20, 1)).toBe('')
})

test('a narrow chart keeps every peak', () => {
  const values = Array.from({ length: 100 }, (_, index) => (index === 57 ? 8 : 1))
  expect(sparkline(values, 10, 8)).toBe('▁▁▁▁▁█▁▁▁▁')
})

test('a gauge is as long as it is told, whatever the share', () => {
  expect([0, 0.5, 1, 7, -1].map((share) => gauge(share, 4))).toEqual(['····', '██··', '████', '████', '····'])
})

test('values are said in their unit', () => {
  expect(formatMetric(1.234, 'cores')).toBe('1.23')
  expect(formatMetric(41.6, 'percent')).toBe('42 %')
  expect(formatMetric(3 * 2 ** 30, 'bytes')).toBe('3 GiB')
  expect(formatMetric(15_000_000, 'bytes/s')).toBe('15.0 MB/s')
  expect(formatMetric(0.123456, null)).toBe('0.1235')
})
