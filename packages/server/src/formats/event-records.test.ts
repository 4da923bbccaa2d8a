import { describe, expect, test } from 'vitest'
import { maskedCrc, readEventRecords } from './event-records.ts'

/** As tensorboardX 2.6.5 wrote it: its version, then the scalars `loss` 0.5 at step 1 and `far` -2 at step -3. */
const file = Buffer.from(
  'GAAAAAAAAACjf0siCfDirOm0wNpBGg1icmFpbi5FdmVudDoydtc2QxoAAAAAAAAAEpvYLQkAAAAAAAD4PxABKg0KCwoEbG9z' +
    'cxUAAAA/GKRDPSIAAAAAAAAAeBE9/QkAAAAAAAACQBD9//////////8BKgwKCgoDZmFyFQAAAMCBR5+Z',
  'base64',
)

describe('records of event files', () => {
  test('give scalars, however the file is cut, and go on where they ended', () => {
    const whole = readEventRecords(file)
    expect(whole).toMatchObject({ damaged: false, readBytes: file.length, nextBytes: undefined })
    expect(whole.scalars).toEqual([
      { tag: 'loss', step: 1, at: 1500, value: 0.5 },
      { tag: 'far', step: -3, at: 2250, value: -2 },
    ])
    for (let cut = 0; cut < file.length; cut++) {
      const first = readEventRecords(file.subarray(0, cut))
      const rest = readEventRecords(file.subarray(first.readBytes))
      expect([...first.scalars, ...rest.scalars]).toEqual(whole.scalars)
      expect(first.damaged || rest.damaged).toBe(false)
    }
  })

  test('end where the file is damaged, whichever byte it is', () => {
    for (let at = 0; at < file.length; at++) {
      const bad = Buffer.from(file)
      bad[at]! ^= 0x55
      const read = readEventRecords(bad)
      expect(read.readBytes).toBeLessThanOrEqual(file.length)
      expect(read.scalars.length).toBeLessThanOrEqual(2)
    }
    const noRecord = readEventRecords(Buffer.from('this is no event file'))
    expect(noRecord).toEqual({ scalars: [], media: [], readBytes: 0, nextBytes: undefined, damaged: true })
  })

  test('give images, texts and histograms, as old and new writers have them', () => {
    const png = Buffer.from('\x89PNG and so on', 'latin1')
    const doubles = (...values: number[]) => Buffer.from(new Float64Array(values).buffer)
    const plugin = (name: string) => field(9, field(1, field(1, name)))
    const values = [
      Buffer.concat([field(1, 'a/picture'), field(4, field(4, png))]),
      Buffer.concat([field(1, 'no picture'), field(4, field(4, 'BM'))]),
      Buffer.concat([field(1, 'weights'), field(5, Buffer.concat([field(6, doubles(1, 2)), field(7, doubles(3, 4))]))]),
      Buffer.concat([field(1, 'said'), plugin('text'), field(8, field(8, 'one *word*'))]),
      Buffer.concat([
        field(1, 'new'),
        plugin('images'),
        field(8, Buffer.concat([field(8, '1'), field(8, '1'), field(8, png)])),
      ]),
      Buffer.concat([field(1, 'bars'), plugin('histograms'), field(8, field(4, doubles(0, 1, 5, 1, 2, 6)))]),
    ]
    const record = Buffer.concat([Buffer.from([0x10, 7]), ...values.map((value) => field(5, field(1, value)))])
    const { media, scalars, damaged } = readEventRecords(framed(record))
    expect({ scalars, damaged }).toEqual({ scalars: [], damaged: false })
    expect(media.map(({ tag, kind, step, body }) => [tag, kind, step, body.toString('latin1')])).toEqual([
      ['a/picture', 'image', 7, png.toString('latin1')],
      ['weights', 'histogram', 7, '{"least":1,"limits":[1,2],"counts":[3,4]}'],
      ['said', 'text', 7, 'one *word*'],
      ['new', 'image', 7, png.toString('latin1')],
      ['bars', 'histogram', 7, '{"least":0,"limits":[1,2],"counts":[5,6]}'],
    ])
  })
})

/** A field of wire type 2, of less than 128 bytes. */
function field(number: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body)
  expect(bytes.length).toBeLessThan(128)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}

/** A record with its length and checksums, of which only that of the length is looked at. */
function framed(record: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(record.length))
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8)
  return Buffer.concat([head, record, Buffer.alloc(4)])
}
