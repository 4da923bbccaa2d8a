import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { countNewlines, splitLines, utf8Boundary } from './line-split.ts'

const split = (text: string | Buffer, lineBytes = 8, blockBytes = 20) => {
  const buffer = Buffer.from(text)
  return splitLines(buffer, buffer.length, { lineBytes, blockBytes }).map((piece) => ({
    text: buffer.toString('utf8', piece.start, piece.start + piece.length),
    lines: piece.lines,
    partial: piece.partial,
  }))
}

test('whole lines make one piece, and what follows the last newline is left over', () => {
  expect(split('a\n\nbc\nrest')).toEqual([{ text: 'a\n\nbc\n', lines: 3, partial: false }])
  expect(split('rest')).toEqual([])
})

test('a line of exactly the limit is whole, one byte more is cut', () => {
  expect(split('12345678\n')).toEqual([{ text: '12345678\n', lines: 1, partial: false }])
  expect(split('123456789\n')).toEqual([
    { text: '12345678', lines: 1, partial: true },
    { text: '9\n', lines: 1, partial: false },
  ])
})

test('a cut does not fall into a character', () => {
  expect(split('1234567é9\n').map((piece) => piece.text)).toEqual(['1234567', 'é9\n'])
  expect(split('12345€€\n').map((piece) => piece.text)).toEqual(['12345€', '€\n'])
})

test('pieces stay within a block', () => {
  const pieces = split('1234567\n'.repeat(5))
  expect(pieces.map((piece) => piece.lines)).toEqual([2, 2, 1])
})

test('bytes that are no UTF-8 are cut at the limit', () => {
  expect(utf8Boundary(Buffer.alloc(8, 0x80), 0, 8)).toBe(8)
  expect(utf8Boundary(Buffer.from([0x61, 0xff]), 0, 2)).toBe(2)
  expect(utf8Boundary(Buffer.from('a€').subarray(0, 3), 0, 3)).toBe(1)
  expect(utf8Boundary(Buffer.from([0xf0, 0x9f]), 0, 2)).toBe(0)
})

test('newlines are counted in any range of any bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 5000 }).map((array) => Buffer.from(array.map((byte) => byte % 16)))
  fc.assert(
    fc.property(bytes, fc.nat(9), fc.nat(9), (buffer, from, less) => {
      const start = Math.min(from, buffer.length)
      const end = Math.max(start, buffer.length - less)
      const expected = buffer.subarray(start, end).filter((byte) => byte === 10).length
      expect(countNewlines(buffer, start, end)).toBe(expected)
    }),
  )
  expect(countNewlines(Buffer.alloc(1_000_003, 10), 0, 1_000_003)).toBe(1_000_003)
})

test('pieces follow each other, keep the limits and leave less than a line over', () => {
  const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array.map((b) => (b % 11 === 0 ? 10 : b))))
  fc.assert(
    fc.property(bytes, fc.integer({ min: 4, max: 40 }), fc.integer({ min: 1, max: 60 }), (buffer, lineBytes, more) => {
      const blockBytes = lineBytes + more
      let end = 0
      for (const piece of splitLines(buffer, buffer.length, { lineBytes, blockBytes })) {
        const data = buffer.subarray(end, end + piece.length)
        const lines = data.toString('latin1').split('\n')
        expect(piece.start).toBe(end)
        expect(piece.length).toBeLessThanOrEqual(blockBytes)
        expect(lines.length).toBe(piece.partial ? piece.lines : piece.lines + 1)
        expect(lines.at(-1) !== '').toBe(piece.partial)
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(lineBytes)
        expect(piece.contentCheck).toBe(crc32(data))
        end += piece.length
      }
      const rest = buffer.subarray(end)
      expect(rest.length).toBeLessThanOrEqual(lineBytes)
      expect(rest.includes(10)).toBe(false)
    }),
  )
})
