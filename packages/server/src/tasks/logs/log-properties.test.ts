import { isUtf8 } from 'node:buffer'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { systemClock } from '../../lib/clock.ts'
import { removedNote } from './block.ts'
import { IndexReader } from './index-reader.ts'
import { allLines, collect } from './log-fixtures.ts'
import { type LogStore, openLogStore, type Source } from './log-store.ts'

/** Text with many newlines, long runs without, and bytes that are no UTF-8. */
const bytes = fc.array(
  fc.oneof(fc.constant('\n'), fc.constant('\r\n'), fc.constant('€'), fc.string({ unit: 'binary' }), fc.uint8Array()),
  { maxLength: 12 },
)
const source = fc.constantFrom<Source>('stdout', 'stderr', 'system')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), source, part: fc.nat(1), bytes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('finish' as const, 'follow' as const), part: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)
const limits = { logLineBytes: 16, logBlockBytes: 40, logReadBytes: 64, logPaceMs: 1, logPartialIdleMs: 1 }

test('whatever is written, in whatever pieces, and however often the store restarts: all of it, once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), 'nabla-logs-'))
      let store = openLogStore({ dir, clock: systemClock, limits })
      const written = new Map<string, Buffer[]>()
      try {
        for (const step of steps) {
          if (step.do === 'append') {
            const data = Buffer.concat(step.bytes.map((piece) => Buffer.from(piece)))
            appendFileSync(join(store.partDir('j1', step.part), step.source), data)
            const key = `${step.part}/${step.source}`
            written.set(key, [...(written.get(key) ?? []), data])
          } else if (step.do === 'restart') {
            await store.shutdown()
            store = openLogStore({ dir, clock: systemClock, limits })
          } else await store[step.do]('j1', step.part)
        }
        await store.finish('j1', 0)
        await store.finish('j1', 1)
        await store.close('j1')
        await expectComplete(store, dir, written)
      } finally {
        await store.shutdown()
        rmSync(dir, { recursive: true, force: true })
      }
    }),
    { numRuns: 150 },
  )
})

async function expectComplete(store: LogStore, dir: string, written: Map<string, Buffer[]>): Promise<void> {
  const blocks = await collect(store.stream('j1'))
  let seq = 1
  for (const block of blocks) {
    expect(block.seq).toBe(seq)
    expect(block.text.split('\n').length).toBe(block.lines)
    seq += block.lines
  }
  const ends = await recordedEnds(join(dir, 'j1', 'index'))
  for (const [file, pieces] of written) {
    const expected = Buffer.concat(pieces)
    expect(ends.get(file) ?? 0).toBe(expected.length)
    const mine = blocks.filter((block) => `${block.part}/${block.source}` === file)
    const text = mine.map((block) => block.text + (block.partial ? '' : '\n')).join('')
    if (isUtf8(expected)) expect(text).toBe(expected.toString())
  }
  const raw = await buffer(store.raw('j1'))
  expect(raw.length).toBe(Buffer.concat([...written.values()].flat()).length)
  expect(raw.includes(removedNote)).toBe(false)
  const lines = await allLines(store, 'j1', 7)
  expect(lines.map((line) => line.seq)).toEqual(Array.from({ length: seq - 1 }, (_, i) => i + 1))
  expect(lines.map((line) => line.text)).toEqual(blocks.flatMap((block) => block.text.split('\n')))
  for (const line of lines) expect(line.text.length).toBeLessThanOrEqual(limits.logLineBytes)
}

/** How far each raw file is numbered; its records must follow each other. */
async function recordedEnds(path: string): Promise<Map<string, number>> {
  const ends = new Map<string, number>()
  const index = await IndexReader.open(path)
  const count = (await index?.count()) ?? 0
  for (let position = 0; position < count; position++) {
    const record = await index?.at(position)
    if (!record || record.kind === 'end') continue
    const file = `${record.part}/${record.source}`
    expect(record.offset).toBe(ends.get(file) ?? 0)
    ends.set(file, record.offset + record.length)
  }
  await index?.close()
  return ends
}
