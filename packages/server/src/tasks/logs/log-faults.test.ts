import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { aFolder, aLogStore, allLines, until, write } from './log-fixtures.ts'
import { recordBytes } from './record.ts'

const kills = 25
const linesPerKill = 2400
const writtenLines = kills * linesPerKill

/**
 * Writes numbered lines to both sources in bursts of odd sizes, as a task does: with no regard for line ends. It
 * pauses until it is told to go on.
 */
const writer = `
  const { openSync, readSync, writeSync } = require('node:fs')
  const files = ['stdout', 'stderr'].map((name) => openSync(process.argv[1] + '/' + name, 'a'))
  const text = ['', '']
  for (let n = 1; n <= ${writtenLines}; n++) {
    if (n % ${linesPerKill} === 1) readSync(0, Buffer.alloc(1))
    text[n % 2] += n + ' ' + 'x'.repeat(n % 97) + '\\n'
    if (n % 50 === 0) for (const i of [0, 1]) {
      const now = n === ${writtenLines} ? text[i].length : Math.max(0, text[i].length - (n % 13))
      writeSync(files[i], text[i].slice(0, now))
      text[i] = text[i].slice(now)
    }
  }
`

/** Follows a log until it is killed. */
const follower = `
  import { openLogStore } from ${JSON.stringify(new URL('log-store.ts', import.meta.url).href)}
  import { systemClock } from ${JSON.stringify(new URL('../../lib/clock.ts', import.meta.url).href)}
  const store = openLogStore({ dir: process.argv[1], clock: systemClock, limits: { logReadBytes: 4096, logBlockBytes: 2048, logLineBytes: 1024 } })
  await store.follow('j1', 1)
  process.stdout.write('following')
  setInterval(() => {}, 1000)
`

function start(code: string, type: 'module' | 'commonjs', arg: string): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [`--input-type=${type}`, '--eval', code, arg])
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return child
}

test('a follower that is killed again and again loses and repeats no line', { timeout: 90_000 }, async () => {
  const store = aLogStore()
  const writing = start(writer, 'commonjs', store.partDir('j1', 1))
  const written = once(writing, 'exit')
  const seen: number[] = []
  const reading = (async () => {
    for await (const block of store.stream('j1')) seen.push(...numbers(block.text, block.seq, block.lines))
  })()
  const index = join(store.dir, 'j1', 'index')
  const sizes = new Set<number>()
  let random = 42
  for (let kill = 0; kill < kills; kill++) {
    const following = start(follower, 'module', store.dir)
    await once(following.stdout, 'data')
    random = (random * 1103515245 + 12345) % 2 ** 31
    const goal = statSync(index).size + (random % 30) * recordBytes
    writing.stdin.write('.')
    await until(() => statSync(index).size >= goal)
    following.kill('SIGKILL')
    await once(following, 'exit')
    sizes.add(statSync(index).size)
  }
  expect(await written).toEqual([0, null])
  expect(sizes.size).toBeGreaterThan(kills / 2)
  await store.finish('j1', 1)
  await store.close('j1')
  await reading
  const lines = await allLines(store, 'j1', 10_000)
  expect(lines.map((line) => line.seq)).toEqual(lines.map((_, i) => i + 1))
  expect(seen).toEqual(lines.map((line) => line.seq))
  for (const [source, odd] of [
    ['stdout', 0],
    ['stderr', 1],
  ] as const) {
    const mine = lines.filter((line) => line.source === source)
    const text = mine.map((line) => line.text + (line.partial ? '' : '\n')).join('')
    const expected = Array.from({ length: writtenLines / 2 }, (_, i) => 2 * (i + 1) - odd)
    expect(text).toBe(expected.map((n) => `${n} ${'x'.repeat(n % 97)}\n`).join(''))
  }
})

function numbers(text: string, seq: number, lines: number): number[] {
  expect(text.split('\n').length).toBe(lines)
  return Array.from({ length: lines }, (_, i) => seq + i)
}

test('an index torn at any byte is mended, and numbering goes on', async () => {
  for (let torn = 0; torn <= 3 * recordBytes; torn += 7) {
    const store = aLogStore()
    write(store, 'stdout', 'one\n')
    await store.finish('j1', 1)
    write(store, 'stdout', 'two\n')
    await store.finish('j1', 1)
    truncateSync(join(store.dir, 'j1', 'index'), torn)
    write(store, 'stdout', 'three\n')
    await store.finish('j1', 1)
    const lines = await allLines(store)
    expect(lines.map((line) => [line.seq, line.text])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
    ])
  }
})

test('what a crash left at the end of an index is not read, and is overwritten', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'one\n')
  await store.finish('j1', 1)
  const index = join(store.dir, 'j1', 'index')
  appendFileSync(index, Buffer.alloc(3 * recordBytes + 5))
  expect(await store.lastSeq('j1')).toBe(1)
  expect((await allLines(store)).length).toBe(1)
  write(store, 'stdout', 'two\n')
  await store.finish('j1', 1)
  expect((await allLines(store)).map((line) => line.text)).toEqual(['one', 'two'])
  expect(statSync(index).size).toBe(3 * recordBytes)
})

test('an index of a newer release is left alone', async () => {
  const store = aLogStore()
  store.partDir('j1', 1)
  writeFileSync(join(store.dir, 'j1', 'index'), 'nabla log 2'.padEnd(recordBytes))
  await expect(store.finish('j1', 1)).rejects.toThrow('newer release')
})

test('a file with a hole and zero bytes is read like any other', async () => {
  const store = aLogStore()
  write(store, 'stdout', 'start\n')
  truncateSync(join(store.partDir('j1', 1), 'stdout'), 1_000_000)
  write(store, 'stdout', '\nend\n')
  await store.finish('j1', 1)
  const lines = await allLines(store, 'j1', 7)
  expect(lines.at(-1)?.text).toBe('end')
  expect(lines.reduce((sum, line) => sum + line.text.length + (line.partial ? 0 : 1), 0)).toBe(1_000_005)
})

test('a task that empties its output all the time cannot break the numbers', async () => {
  const store = aLogStore({ limits: { logPaceMs: 1 } })
  await store.follow('j1', 1)
  const file = join(store.partDir('j1', 1), 'stdout')
  await until(async () => {
    writeFileSync(file, `line ${'x'.repeat(Math.random() * 50)}\n`)
    return (await store.lastSeq('j1')) > 20
  })
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(lines.map((line) => line.seq)).toEqual(lines.map((_, i) => i + 1))
})

const canMount = process.getuid?.() === 0 && mounts()

test.skipIf(!canMount)('a full disk loses nothing (needs root: mounts a small disk)', async () => {
  const disk = aFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  onTestFinished(() => {
    execFileSync('umount', [disk])
  })
  const problems: unknown[] = []
  const limits = { logRetryMs: 10 }
  const store = aLogStore({ dir: join(disk, 'logs'), limits, onProblem: (_id, error) => problems.push(error) })
  // Only the index is on the small disk.
  mkdirSync(join(store.dir, 'j1'))
  symlinkSync(aFolder(), join(store.dir, 'j1', 'parts'))
  write(store, 'stdout', 'line 1\n')
  await store.finish('j1', 1)
  const ballast = join(disk, 'ballast')
  fill(ballast)
  let wrote = 1
  const oneMore = async () => {
    write(store, 'stdout', `line ${++wrote}\n`)
    await store.finish('j1', 1)
  }
  await expect(repeat(200, oneMore)).rejects.toMatchObject({ code: 'disk_full' })
  expect(await store.lastSeq('j1')).toBe(wrote - 1)

  await store.follow('j1', 1)
  await until(() => problems.length > 2)
  expect(problems[0]).toMatchObject({ code: 'ENOSPC' })
  rmSync(ballast)
  await until(async () => (await store.lastSeq('j1')) === wrote)
  await store.finish('j1', 1)
  const lines = await allLines(store)
  expect(lines.map((line) => [line.seq, line.text])).toEqual(lines.map((_, i) => [i + 1, `line ${i + 1}`]))
})

async function repeat(times: number, run: () => Promise<void>): Promise<void> {
  for (let i = 0; i < times; i++) await run()
}

/** Writes until there is no more room. */
function fill(path: string): void {
  const write = () => appendFileSync(path, Buffer.alloc(4096))
  expect(() => {
    for (let i = 0; i < 1000; i++) write()
  }).toThrow('ENOSPC')
}

function mounts(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir], { stdio: 'ignore' })
    execFileSync('umount', [dir])
    return true
  } catch {
    return false
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
