import { expect, test } from 'vitest'
import { interpretModel } from './interpret.ts'
import { memoryFile } from './zip.ts'

/** As tensorboardX 2.6.5 wrote it: its version, then the scalars `loss` 0.5 at step 1 and `far` -2 at step -3. */
const written = Buffer.from(
  'GAAAAAAAAACjf0siCfDirOm0wNpBGg1icmFpbi5FdmVudDoydtc2QxoAAAAAAAAAEpvYLQkAAAAAAAD4PxABKg0KCwoEbG9z' +
    'cxUAAAA/GKRDPSIAAAAAAAAAeBE9/QkAAAAAAAACQBD9//////////8BKgwKCgoDZmFyFQAAAMCBR5+Z',
  'base64',
)

/** The same with another loss. */
function withLoss(value: number): Buffer {
  const changed = Buffer.from(written)
  changed.writeFloatLE(value, changed.indexOf('loss') + 5)
  return changed
}

test('event files beside a model give the last value of each metric, and what all of them come to', async () => {
  const files = [
    memoryFile('events.out.tfevents.1.host', Buffer.concat([written, withLoss(0.25)])),
    memoryFile('logs/events.out.tfevents.2.host', withLoss(0.75)),
    // Still being written when it was taken.
    memoryFile('logs/events.out.tfevents.3.host', withLoss(1).subarray(0, 60)),
  ]
  const { metrics } = await interpretModel({ files, complete: true })
  const far = { count: 3, min: -2, max: -2, mean: -2, median: -2, variance: 0, deviation: 0 }
  const [loss, other] = metrics
  expect(other).toEqual({ name: 'far', value: -2, statistics: far })
  expect(loss).toMatchObject({ name: 'loss', value: 0.75 })
  expect(loss?.statistics).toMatchObject({ count: 3, min: 0.25, max: 0.75, mean: 0.5, median: 0.5 })
  expect(loss?.statistics?.variance).toBeCloseTo(0.125 / 3, 12)
})
