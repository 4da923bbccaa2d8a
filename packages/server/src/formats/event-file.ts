import { mostMetrics } from './custom.ts'
import { bytesOf, fieldsOf, inside } from './protobuf.ts'
import { Cursor, FormatError, type ModelFile, shown } from './reader.ts'

/** Records read of one file: enough for a summary of what a training came to. */
const mostRecords = 100_000

/**
 * Adds the values of each scalar in a file of events of TensorBoard, in the order of the file: records of TFRecord with an
 * `Event` each (tensorflow/core/util/event.proto). One that is cut off in the middle ends there, as it does while it is
 * written.
 */
export async function readEventFile(file: ModelFile, series: Map<string, number[]>): Promise<void> {
  const cursor = new Cursor(file)
  for (let count = 0; count < mostRecords && cursor.left > 16; count++) {
    const length = Number((await cursor.take(12)).readBigUInt64LE())
    if (!Number.isSafeInteger(length) || length + 4 > cursor.left) break
    const end = cursor.offset + length
    if (!(await readEvent(cursor, end, series))) break
    cursor.offset = end
    cursor.skip(4)
  }
}

/** One event; false where it is damaged, and with it all that follows. */
async function readEvent(cursor: Cursor, end: number, series: Map<string, number[]>): Promise<boolean> {
  try {
    for await (const field of fieldsOf(cursor, end)) {
      if (field.number !== 5) continue
      for await (const part of inside(cursor, field)) if (part.number === 1) await readValue(cursor, part, series)
    }
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/** `Summary.Value`: 1 tag, 2 simple_value, 8 tensor; a scalar of TensorFlow 2 is a tensor with one float. */
async function readValue(
  cursor: Cursor,
  field: Parameters<typeof inside>[1],
  series: Map<string, number[]>,
): Promise<void> {
  let tag = ''
  let value: number | undefined
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) tag = shown((await bytesOf(cursor, part)).toString('utf8'), 250)
    if (part.number === 2 && part.wire === 5) {
      cursor.offset = part.start
      value = (await cursor.take(4)).readFloatLE()
    }
    if (part.number !== 8 || part.length > 200) continue
    for await (const about of inside(cursor, part)) {
      const isOne = (about.number === 4 || about.number === 5) && about.wire === 2 && about.length === 4
      if (isOne) value = (await bytesOf(cursor, about)).readFloatLE()
    }
  }
  if (tag === '' || value === undefined || !Number.isFinite(value)) return
  const values = series.get(tag)
  if (values) values.push(value)
  else if (series.size < mostMetrics) series.set(tag, [value])
}
