import { expect, test } from 'vitest'
import { parseAnsi, stripAnsi } from './ansi.ts'

test('colours and the like become looks, and end where they say', () => {
  expect(parseAnsi('a \u001B[1;31mred\u001B[0m b')).toEqual([
    { text: 'a ' },
    { text: 'red', className: 'ansi-bold ansi-1' },
    { text: ' b' },
  ])
  expect(parseAnsi('\u001B[92mok\u001B[39m')).toEqual([{ text: 'ok', className: 'ansi-10' }])
  expect(parseAnsi('\u001B[38;5;196mx\u001B[48;2;1;2;300my')).toEqual([
    { text: 'x', color: '#ff0000' },
    { text: 'y', color: '#ff0000', background: '#0102ff' },
  ])
  expect(parseAnsi('\u001B[m')).toEqual([])
})

test('all other sequences and control characters are left out', () => {
  expect(stripAnsi('\u001B]0;title\u0007\u001B[2Ka\u001B[10;3Hb\u0000\u0008\u001B(Bc')).toBe('abc')
  expect(stripAnsi('\u001B]8;;https://example.org\u001B\\link\u001B]8;;\u001B\\')).toBe('link')
})

test('a carriage return begins the line anew', () => {
  expect(stripAnsi('10%\r50%\r100%\r')).toBe('100%')
  expect(stripAnsi('windows\r')).toBe('windows')
})

test('a sequence that never ends costs no time', () => {
  expect(stripAnsi(`\u001B[${'1;'.repeat(32_000)}`).length).toBeGreaterThan(0)
})
