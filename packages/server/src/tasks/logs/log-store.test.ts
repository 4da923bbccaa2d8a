import { closeSync, ftruncateSync, openSync, symlinkSync, utimesSync, writeSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TestClock } from '../../lib/clock.ts'
import { removedNote, shortenedNote } from './block.ts'
import { aFolder, aLogStore, allLines, collect, until, write } from './log-fixtures.ts'
import { type LogBlock, maskSecrets } from './log-store.ts'

const texts = (lines: { text: string }[]) => lines.map((line) => line.text)

test('a finished part is numbered without gaps over all its sources', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'one\ntwo\n')
  write(store, 'stderr', 'oops\r\n')
  await store.note('j1', 1, 'time limit of 5 m reached')
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(lines.map((line) => line.seq)).toEqual([1, 2, 3, 4])
  expect(new Map(lines.map((line) => [line.text, line.source]))).toEqual(
    new Map([
      ['one', 'stdout'],
      ['two', 'stdout'],
      ['oops\r', 'stderr'],
      ['time limit of 5 m reached', 'system'],
    ]),
  )
  expect(await store.lastSeq('j1')).toBe(4)
})

test('output that is read together is in the order in which the files were last written to', async () => {
  const store = aLogStore()
  for (const [i, source] of (['stderr', 'system', 'stdout'] as const).entries()) {
    write(store, source, `${source}\n`)
    utimesSync(join(store.partDir('j1', 1), source), 1000 + i, 1000 + i)
  }
  await store.finish('j1', 1)
  expect(texts(await allLines(store))).toEqual(['stderr', 'system', 'stdout'])
})

test('finish delivers the unfinished last line, and may be called again', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'done\nno newline')
  await Promise.all([store.finish('j1', 1), store.finish('j1', 1)])
  await store.finish('j1', 1)
  write(store, 'stdout', ' yet\n')
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(lines.map(({ text, partial }) => [text, partial])).toEqual([
    ['done', undefined],
    ['no newline', true],
    [' yet', undefined],
  ])
})

test('a line that waited for its end does not hold up the rest of a burst that is larger than one read', async () => {
  const limits = { logReadBytes: 4096, logBlockBytes: 2048, logLineBytes: 256 }
  const store = aLogStore({ clock: new TestClock(), limits })
  write(store, 'stdout', 'whole\nunfini')
  await store.follow('j1', 1)
  await until(async () => (await store.lastSeq('j1')) === 1)
  const burst = Array.from({ length: 2000 }, (_, index) => `line ${index}`)
  write(store, 'stdout', `shed\n${burst.join('\n')}\n`)
  await store.finish('j1', 1)
  expect(texts(await allLines(store))).toEqual(['whole', 'unfinished', ...burst])
})

test('a followed part is numbered as it grows, also a file that appears later', async () => {
  const store = aLogStore()
  await store.follow('j1', 1)
  write(store, 'stdout', 'first\n')
  await until(async () => (await store.lastSeq('j1')) === 1)
  write(store, 'stderr', 'second\n')
  await until(async () => (await store.lastSeq('j1')) === 2)
  expect(texts(await allLines(store))).toEqual(['first', 'second'])
})

test('a line that does not end is delivered when it has been idle, and at a character', async () => {
  const clock = new TestClock()
  const store = aLogStore({ clock })
  await store.follow('j1', 1)
  write(store, 'stdout', Buffer.from('name €').subarray(0, 7))
  await until(async () => {
    clock.advance(50)
    return (await store.lastSeq('j1')) === 1
  })
  write(store, 'stdout', Buffer.from('€ ?\n').subarray(2))
  await until(async () => {
    clock.advance(50)
    return (await store.lastSeq('j1')) === 2
  })
  expect(await allLines(store)).toMatchObject([{ text: 'name ', partial: true }, { text: '€ ?' }])
})

test('a progress bar that never pauses is delivered all the same', async () => {
  const clock = new TestClock()
  const store = aLogStore({ clock })
  await store.follow('j1', 1)
  await until(async () => {
    write(store, 'stderr', '\r10%')
    clock.advance(50)
    return (await store.lastSeq('j1')) >= 2
  })
  expect((await allLines(store))[0]).toMatchObject({ source: 'stderr', partial: true })
})

test('pages join without a gap and say where the log ends', async () => {
  const store = aLogStore({ limits: { logPageBytes: 100 } })
  write(store, 'stdout', Array.from({ length: 50 }, (_, i) => `line ${i + 1}\n`).join(''))
  await store.finish('j1', 1)
  const page = await store.read('j1', { after: 10, limit: 5 })
  expect(page).toMatchObject({ next: 15, last: 50 })
  expect(texts(page.lines)).toEqual(['line 11', 'line 12', 'line 13', 'line 14', 'line 15'])
  expect((await store.read('j1', { limit: 1000 })).lines.length).toBeLessThan(20)
  expect(texts(await allLines(store)).length).toBe(50)
  expect(await store.read('j1', { after: 50, limit: 5 })).toEqual({ lines: [], next: 50, last: 50 })
  expect(await store.read('none', { limit: 5 })).toEqual({ lines: [], next: 0, last: 0 })
})

test('a page can be of one source, and begin at a time', async () => {
  const clock = new TestClock(1000)
  const store = aLogStore({ clock })
  for (const round of [1, 2, 3]) {
    write(store, 'stdout', `out ${round}\n`)
    await store.finish('j1', 1)
    write(store, 'stderr', `err ${round}\n`)
    await store.finish('j1', 1)
    clock.jump(1000)
  }
  expect(texts((await store.read('j1', { limit: 9, source: 'stderr' })).lines)).toEqual(['err 1', 'err 2', 'err 3'])
  expect(texts((await store.read('j1', { limit: 9, sinceMs: 2000 })).lines)[0]).toBe('out 2')
  expect(await store.read('j1', { limit: 9, sinceMs: 9000 })).toMatchObject({ lines: [] })
})

test('the first output of a part is that of its own, and no note of ours', async () => {
  const clock = new TestClock()
  const store = aLogStore({ clock })
  write(store, 'stdout', 'of the first attempt\n')
  await store.finish('j1', 1)
  clock.jump(1000)
  const begun = clock.now()
  await store.note('j1', 2, 'another attempt')
  await store.finish('j1', 2)
  expect(await store.firstOutput('j1', 2, begun)).toBeNull()
  clock.jump(250)
  write(store, 'stderr', 'late\n', 2)
  await store.finish('j1', 2)
  clock.jump(250)
  write(store, 'stdout', 'later\n', 2)
  await store.finish('j1', 2)
  expect(await store.firstOutput('j1', 2, begun)).toBe(begun + 250)
  expect(await store.firstOutput('j1', 1, begun)).toBeNull()
  expect(await store.firstOutput('none', 1, 0)).toBeNull()
})

test('times never go back, though the clock does', async () => {
  const clock = new TestClock(50_000)
  const store = aLogStore({ clock })
  write(store, 'stdout', 'before\n')
  await store.finish('j1', 1)
  clock.jump(-40_000)
  write(store, 'stdout', 'after\n')
  await store.finish('j1', 1)
  expect((await allLines(store)).map((line) => line.at)).toEqual([50_000, 50_000])
})

test('the tail is the last lines, of all sources or one', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'a\nb\nc\n')
  await store.finish('j1', 1)
  write(store, 'stderr', 'x\ny\n')
  await store.finish('j1', 1)
  expect(texts(await store.tail('j1', 3))).toEqual(['c', 'x', 'y'])
  expect(texts(await store.tail('j1', 2, { source: 'stdout' }))).toEqual(['b', 'c'])
  expect(texts(await store.tail('j1', 99))).toEqual(['a', 'b', 'c', 'x', 'y'])
  expect(await store.tail('none', 3)).toEqual([])
})

test('a stream waits for a log that does not exist, follows it over parts and ends when it is closed', async () => {
  const store = aLogStore()
  const blocks: LogBlock[] = []
  const reading = (async () => {
    for await (const block of store.stream('j1')) blocks.push(block)
  })()
  await store.follow('j1', 1)
  write(store, 'stdout', 'one\ntwo\n')
  await until(() => blocks.length === 1)
  await store.finish('j1', 1)
  write(store, 'stdout', 'again\n', 2)
  await store.finish('j1', 2)
  await store.close('j1')
  await reading
  expect(blocks.map(({ seq, lines, part, text }) => ({ seq, lines, part, text }))).toEqual([
    { seq: 1, lines: 2, part: 1, text: 'one\ntwo' },
    { seq: 3, lines: 1, part: 2, text: 'again' },
  ])
})

test('a stream goes on after the line it is given, in the middle of a block', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'a\nb\nc\n')
  await store.finish('j1', 1)
  await store.close('j1')
  const blocks = await collect(store.stream('j1', { after: 2 }))
  expect(blocks).toMatchObject([{ seq: 3, lines: 1, text: 'c', source: 'stdout', part: 1, partial: false }])
})

test('a stream ends when it is aborted, when the log is said to be over, and when it is removed', async () => {
  const store = aLogStore()
  const stop = new AbortController()
  const aborted = collect(store.stream('none', { signal: stop.signal }))
  stop.abort()
  expect(await aborted).toEqual([])
  write(store, 'stdout', 'a\n')
  await store.finish('j1', 1)
  expect((await collect(store.stream('j1', { ended: () => true }))).length).toBe(1)
  const stream = store.stream('j1')
  await stream.next()
  const end = stream.next()
  await store.remove('j1')
  expect(await end).toEqual({ done: true, value: undefined })
  expect(await store.sizeBytes('j1')).toBe(0)
})

test('a part that is written to after the close opens the log again', async () => {
  const store = aLogStore()
  await store.close('j1')
  await store.close('j1')
  expect(await collect(store.stream('j1'))).toEqual([])
  write(store, 'stdout', 'more\n')
  await store.finish('j1', 1)
  const stream = store.stream('j1')
  expect(await stream.next()).toMatchObject({ value: { seq: 1, text: 'more' } })
  await store.close('j1')
  expect(await stream.next()).toMatchObject({ done: true })
})

test('raw gives the bytes as they were written', async () => {
  const store = aLogStore()
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) % 256))
  write(store, 'stdout', bytes)
  await store.finish('j1', 1)
  expect((await buffer(store.raw('j1'))).equals(bytes)).toBe(true)
  expect((await buffer(store.raw('j1', { source: 'stderr' }))).length).toBe(0)
  expect((await buffer(store.raw('none'))).length).toBe(0)
  expect(await store.sizeBytes('j1')).toBeGreaterThan(100_000)
})

test('a line longer than the limit is delivered in parts that say so', async () => {
  const store = aLogStore()
  write(store, 'stdout', `${'x'.repeat(150_000)}\nshort\n`)
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(lines.map((line) => [line.text.length, line.partial])).toEqual([
    [65_536, true],
    [65_536, true],
    [150_000 - 2 * 65_536, undefined],
    [5, undefined],
  ])
})

test('secrets are hidden wherever lines are read', async () => {
  const store = aLogStore()
  const mask = maskSecrets(['hunter2', 'hunter2-long', 'abc', 'two\nliner2'])
  write(store, 'stdout', 'a hunter2-long b hunter2 abc\nliner2\n')
  await store.finish('j1', 1)
  await store.close('j1')
  const expected = ['a *** b *** abc', '***']
  expect(texts((await store.read('j1', { limit: 9, mask })).lines)).toEqual(expected)
  expect(texts(await store.tail('j1', 9, { mask }))).toEqual(expected)
  expect(texts(await collect(store.stream('j1', { mask })))).toEqual([expected.join('\n')])
  expect((await buffer(store.raw('j1', { mask }))).toString()).toBe(`${expected.join('\n')}\n`)
})

test('a mask leaves bytes without a secret as they are', async () => {
  const store = aLogStore()
  write(store, 'stdout', Buffer.from([0xff, 0, 0x80, 10]))
  await store.finish('j1', 1)
  expect([...(await buffer(store.raw('j1', { mask: maskSecrets(['secret']) })))]).toEqual([0xff, 0, 0x80, 10])
})

test('output that the task emptied and wrote anew is read from its beginning, and the numbers hold', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'one\ntwo\nthree\n')
  await store.finish('j1', 1)
  const file = openSync(join(store.partDir('j1', 1), 'stdout'), 'w')
  writeSync(file, 'new\n')
  closeSync(file)
  await store.finish('j1', 1)
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(texts(lines)).toEqual([removedNote, '', '', shortenedNote, 'new'])
  expect(lines.map((line) => line.seq)).toEqual([1, 2, 3, 4, 5])
  expect((await buffer(store.raw('j1'))).toString()).toBe(`${removedNote}\nnew\n`)
})

test('output that the task shortened goes on from its new end', async () => {
  const store = aLogStore({ limits: { logBlockBytes: 64 * 1024 + 1 } })
  write(store, 'stdout', 'one\n')
  await store.finish('j1', 1)
  write(store, 'stdout', 'two\n')
  await store.finish('j1', 1)
  const file = openSync(join(store.partDir('j1', 1), 'stdout'), 'r+')
  ftruncateSync(file, 5)
  closeSync(file)
  await store.finish('j1', 1)
  write(store, 'stdout', 'three\n')
  await store.finish('j1', 1)
  expect(texts(await allLines(store))).toEqual(['one', removedNote, shortenedNote, 'three'])
})

test('a link in the place of a file is not followed', async () => {
  const store = aLogStore()
  const secret = join(aFolder(), 'secret')
  symlinkSync(secret, join(store.partDir('j1', 1), 'stdout'))
  symlinkSync(secret, join(store.partDir('j1', 1), 'system'))
  await store.finish('j1', 1)
  expect(await allLines(store)).toEqual([])
  await expect(store.note('j1', 1, 'text')).rejects.toThrow('not a plain file')
  store.partDir('j2', 1)
  symlinkSync(secret, join(store.dir, 'j2', 'index'))
  await expect(store.finish('j2', 1)).rejects.toThrow('not a plain file')
})

test('an id that is a path is refused', () => {
  const store = aLogStore()
  expect(() => store.partDir('../j1', 1)).toThrow('not the id of a log')
  expect(() => store.stream('a/b')).toThrow('not the id of a log')
})
