import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeMessage, partOf, readMessage, type WireFormat, writeMessage } from './wire.ts'

const text = fc.string({ unit: 'grapheme' })
const message = fc.record({
  channel: fc.constantFrom('shell', 'iopub', 'stdin', 'control'),
  header: fc.record({ msg_id: text, msg_type: text }),
  content: fc.dictionary(text, fc.jsonValue()),
  buffers: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 }),
})

describe.each<WireFormat>(['v1', 'default'])('messages in the format %s', (format) => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(message, ({ channel, header, content, buffers }) => {
        const made = makeMessage(channel, { header, parent: {}, metadata: { a: 1 }, content })
        made.parts.push(...buffers.map((one) => Buffer.from(one)))
        const written = writeMessage(made, format)
        const read = readMessage(Buffer.from(written), typeof written !== 'string', format)
        expect(read.channel).toBe(channel)
        for (const part of [0, 1, 2, 3]) expect(partOf(read, part)).toEqual(partOf(made, part))
        expect(read.parts.slice(4).map((one) => [...one])).toEqual(buffers.map((one) => [...one]))
      }),
    )
  })

  test('that are damaged are refused, and never read beyond their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const { parts } = readMessage(Buffer.from(bytes), true, format)
          expect(parts.reduce((sum, part) => sum + part.length, 0)).toBeLessThan(1000)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})
