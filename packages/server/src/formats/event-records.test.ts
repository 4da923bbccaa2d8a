import { describe, expect, test } from 'vitest'
import { readEventRecords } from './event-records.ts'

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
    expect(noRecord).toEqual({ scalars: [], readBytes: 0, nextBytes: undefined, damaged: true })
  })
})
