import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeJsonText } from './json-text.ts'

const encode = (bytes: Buffer): string => encodeJsonText(bytes, '{"text":', '}').toString('utf8')

describe('bytes as JSON text', () => {
  test('are what JSON.stringify makes of them', () => {
    for (const text of [
      '',
      'a',
      'plain words, and more of them',
      'a "quoted" \\ line\n\ttab',
      '\u001b[31mred\u001b[0m',
    ]) {
      expect(encode(Buffer.from(text))).toBe(JSON.stringify({ text }))
    }
  })

  test('hold each character of ASCII at each place of a word', () => {
    for (let code = 0; code < 128; code++) {
      for (let place = 0; place < 9; place++) {
        const text = `${'x'.repeat(place)}${String.fromCharCode(code)}${'y'.repeat(8 - place)}`
        expect(encode(Buffer.from(text))).toBe(JSON.stringify({ text }))
      }
    }
  })

  test('hold only control characters, for which there is no room at first', () => {
    const text = '\u0001'.repeat(1000)
    expect(encode(Buffer.from(text))).toBe(JSON.stringify({ text }))
    expect(encode(Buffer.from(`${'x'.repeat(2000)}${text}`))).toBe(
      JSON.stringify({ text: `${'x'.repeat(2000)}${text}` }),
    )
  })

  test('hold any text, ASCII or not', () => {
    const anyText = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(anyText, fc.nat(7), (text, offset) => {
        const bytes = Buffer.from(`${'z'.repeat(offset)}${text}`).subarray(offset)
        expect(encode(bytes)).toBe(JSON.stringify({ text: bytes.toString('utf8') }))
      }),
    )
  })

  test('hold bytes that are no UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const buffer = Buffer.from(bytes)
        expect(JSON.parse(encode(buffer))).toEqual({ text: buffer.toString('utf8') })
      }),
    )
  })
})
