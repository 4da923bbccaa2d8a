import { expect, test } from 'vitest'
import { formatAgo, formatBytes, formatDuration, formatMemory, parseBytes, parseDuration, plural } from './format.ts'

test('sizes have the unit that leaves a short number', () => {
  expect([0, 999, 1000, 1499, 99_949, 999_499, 999_500, 1.25e9, 3e15].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '99.9 kB',
    '999 kB',
    '1.0 MB',
    '1.3 GB',
    '3.0 PB',
  ])
  expect([256 * 1024 ** 2, 1024 ** 3, 1.5 * 1024 ** 3].map(formatMemory)).toEqual(['256 MiB', '1 GiB', '1.5 GiB'])
})

test('lengths of time name their two largest units', () => {
  const ms = [0, 940, 9949, 9950, 59_400, 59_600, 3_600_000, 3_725_000, 90_000_000, -5]
  expect(ms.map(formatDuration)).toEqual([
    '0.0 s',
    '0.9 s',
    '9.9 s',
    '9.9 s',
    '59 s',
    '1 min',
    '1 h',
    '1 h 2 min',
    '1 d 1 h',
    '0.0 s',
  ])
})

test('times are said as how long ago they were', () => {
  const now = Date.UTC(2026, 4, 10, 12)
  const ago = (seconds: number): string => formatAgo(new Date(now - seconds * 1000).toISOString(), now)
  expect([2, 59, 60, 3599, 7200, 86_400 * 29, 86_400 * 40].map(ago)).toEqual([
    'just now',
    '59 s ago',
    '1 min ago',
    '59 min ago',
    '2 h ago',
    '29 d ago',
    '2026-03-31',
  ])
  expect(formatAgo(null, now)).toBe('–')
})

test('lengths of time and sizes are read as they are written', () => {
  expect(['90', '90s', '10m', '2h', '1h30m', '1 h 30 min', '1d', '0.5h'].map(parseDuration)).toEqual([
    90, 90, 600, 7200, 5400, 5400, 86_400, 1800,
  ])
  expect(['1024', '10GB', '500 MB', '1.5GiB', '2k', '3TiB'].map(parseBytes)).toEqual([
    1024,
    10e9,
    500e6,
    1.5 * 1024 ** 3,
    2000,
    3 * 1024 ** 4,
  ])
  for (const wrong of ['', 'soon', '10x', '-5', '5m!'])
    expect(() => parseDuration(wrong)).toThrow('not a length of time')
  for (const wrong of ['', 'big', '10XB', '-5']) expect(() => parseBytes(wrong)).toThrow('not a size')
})

test('counts have the right number', () => {
  expect([plural(1, 'file'), plural(0, 'file'), plural(50_000, 'file')]).toEqual(['1 file', '0 files', '50,000 files'])
})
