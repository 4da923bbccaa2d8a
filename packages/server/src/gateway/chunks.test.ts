import { expect, test } from 'vitest'
import { Chunks } from './chunks.ts'

/** What is read of bytes that come in pieces of so many. */
function readIn(text: string, pieceBytes: number): { data: string; end: number | null } {
  const chunks = new Chunks()
  const bytes = Buffer.from(text, 'latin1')
  let data = ''
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const end = chunks.read(bytes.subarray(at, at + pieceBytes), (part) => (data += part.toString('latin1')))
    if (end !== -1) return { data, end: end === null ? null : at + end }
  }
  return { data, end: -1 }
}

test('bodies in chunks are read whole, however they arrive, and end where they say', () => {
  const text = '5\r\nhello\r\n0B;name="v"\r\n, world\r\n!!\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\n'
  for (let piece = 1; piece <= text.length + 7; piece++) {
    expect(readIn(`${text}GET / H`, piece)).toEqual({ data: 'hello, world\r\n!!', end: text.length })
    expect(readIn(text.slice(0, -1), piece).end).toBe(-1)
  }
})

test.each([
  ['no size', '\r\nhello\r\n'],
  ['a sign', '+5\r\nhello\r\n'],
  ['another base', '0x5\r\nhello\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n'],
  ['a space behind it', '5 \r\nhello\r\n'],
  ['a size beyond all bounds', '12345678901\r\nhello\r\n'],
  ['a bare LF after the size', '5\nhello\r\n'],
  ['a bare LF after an extension', '5;a\nhello\r\n'],
  ['a bare CR', '5\rhello\r\n'],
  ['NUL in an extension', '5;\0\r\nhello\r\n'],
  ['more data than its size', '5\r\nhello!\r\n'],
  ['less data than its size', '5\r\nhell\r\n0\r\n\r\n'],
  ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
  ['a bare LF at the end', '0\r\n\n'],
  ['a bare LF in the trailers', '0\r\nA: b\n\r\n'],
  ['an extension that never ends', `5;${'a'.repeat(70_000)}\r\nhello\r\n`],
  ['trailers that never end', `0\r\n${'A: b\r\n'.repeat(20_000)}\r\n`],
])('what has %s is none', (_, text) => {
  expect(readIn(text, text.length).end).toBeNull()
})
