import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { maxObjectBytes, type ObjectStore, type StoredObject } from './store.ts'

/** One store to try, empty at first. */
export interface StoreBench {
  readonly store: ObjectStore
  /** The same place, opened as another process would. */
  reopen(): Promise<ObjectStore>
  close(): Promise<void>
}

/** What the server relies on, the same for every object store. */
export function storeSuite(name: string, make: () => Promise<StoreBench>): void {
  describe(`${name} keeps the contract of object stores`, () => {
    let bench: StoreBench
    beforeEach(async () => {
      bench = await make()
    })
    afterEach(() => bench.close())
    for (const [what, check] of Object.entries(contract)) test(what, () => check(bench), 60_000)
  })
}

const contract: Record<string, (bench: StoreBench) => Promise<void>> = {
  async 'gives back what was put, and still after it is opened anew'({ store, reopen }) {
    const bytes = randomBytes(100_000)
    await store.put('packs/a', bytes)
    await store.put('packs/empty', new Uint8Array())
    for (const one of [store, await reopen()]) {
      expect(same(await one.get('packs/a'), bytes)).toBe(true)
      expect(await one.get('packs/empty')).toHaveLength(0)
    }
  },

  async 'replaces an object as a whole'({ store }) {
    await store.put('a', randomBytes(1000))
    await store.put('a', Buffer.from('short'))
    expect((await store.get('a')).toString()).toBe('short')
  },

  async 'shows a reader one version or the other, never a mixture'({ store }) {
    const versions = [Buffer.alloc(300_000, 'a'), Buffer.alloc(300_000, 'b')] as const
    await store.put('a', versions[0])
    const writing = (async () => {
      for (let turn = 1; turn <= 20; turn++) await store.put('a', versions[turn % 2] ?? versions[0])
    })()
    for (let turn = 0; turn < 20; turn++) {
      const seen = await store.get('a')
      expect(versions.some((version) => version.equals(seen))).toBe(true)
    }
    await writing
  },

  async 'reads parts'({ store }) {
    const bytes = randomBytes(10_000)
    await store.put('packs/a', bytes)
    for (const [start, length] of [
      [0, 1],
      [0, 10_000],
      [9_999, 1],
      [1234, 5678],
    ] as const) {
      const part = await store.get('packs/a', { start, length })
      expect(same(part, bytes.subarray(start, start + length)), `${start}, ${length}`).toBe(true)
    }
  },

  async 'reads into memory that it is given, or else'({ store }) {
    const bytes = randomBytes(10_000)
    await store.put('packs/a', bytes)
    for (const memory of [Buffer.alloc(20_000), Buffer.alloc(999)]) {
      const read = await store.get('packs/a', { start: 5, length: 1000 }, undefined, memory)
      expect(same(read, bytes.subarray(5, 1005))).toBe(true)
    }
  },

  async 'tells a part that is not there'({ store }) {
    await store.put('a', randomBytes(100))
    await store.put('empty', new Uint8Array())
    for (const [key, start, length] of [
      ['a', 99, 2],
      ['a', 100, 1],
      ['a', 1e9, 1],
      ['empty', 0, 1],
    ] as const) {
      await expect(store.get(key, { start, length })).rejects.toMatchObject({ code: 'short', key })
    }
    for (const range of [
      { start: -1, length: 1 },
      { start: 0, length: 0 },
      { start: 0.5, length: 1 },
    ]) {
      await expect(store.get('a', range)).rejects.toThrow(TypeError)
    }
  },

  async 'tells an object that is missing'({ store }) {
    await store.put('packs/a/b', randomBytes(1))
    for (const key of ['none', 'packs/none', 'packs/a', 'packs', 'packs/a/b/c']) {
      await expect(store.get(key)).rejects.toMatchObject({ code: 'missing', key })
      await expect(store.get(key, { start: 0, length: 1 })).rejects.toMatchObject({ code: 'missing', key })
    }
  },

  async 'removes, and does not mind what is not there'({ store, reopen }) {
    await store.put('packs/a', randomBytes(10))
    await store.put('packs/b', randomBytes(10))
    await store.remove('packs/a')
    await store.remove('packs/a')
    await store.remove('none/at/all')
    await expect(store.get('packs/a')).rejects.toMatchObject({ code: 'missing' })
    expect((await listed(await reopen(), '')).map(({ key }) => key)).toEqual(['packs/b'])
  },

  async 'tells keys apart that begin alike, and lists by what they begin with'({ store }) {
    const keys = ['a.b', 'a/a', 'a/b/a', 'a/b/b', 'aa', 'ab/c']
    for (const key of keys) await store.put(key, Buffer.from(key))
    for (const key of keys) expect((await store.get(key)).toString()).toBe(key)
    const keysOf = async (prefix: string) => (await listed(store, prefix)).map(({ key }) => key)
    expect(await keysOf('')).toEqual(keys)
    expect(await keysOf('a')).toEqual(keys)
    expect(await keysOf('a/')).toEqual(['a/a', 'a/b/a', 'a/b/b'])
    expect(await keysOf('a/b')).toEqual(['a/b/a', 'a/b/b'])
    expect(await keysOf('a/b/')).toEqual(['a/b/a', 'a/b/b'])
    expect(await keysOf('aa')).toEqual(['aa'])
  },

  async 'lists thousands of keys, with their sizes and times'({ store }) {
    const count = 2500
    const keys = Array.from({ length: count }, (_, n) => `packs/${createHash('sha256').update(`${n}`).digest('hex')}`)
    const waiting = keys.entries()
    const worker = async () => {
      for (const [n, key] of waiting) await store.put(key, Buffer.alloc(n % 7))
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    await store.put('other/a', randomBytes(10))
    const found = await listed(store, 'packs/')
    expect(found.map(({ key }) => key)).toEqual(keys.toSorted())
    const sizes = new Map(keys.map((key, n) => [key, n % 7]))
    expect(found.filter(({ key, sizeBytes }) => sizes.get(key) !== sizeBytes)).toEqual([])
    const times = found.map(({ modifiedAt }) => modifiedAt)
    expect(Math.max(...times) - Math.min(...times)).toBeLessThan(3_600_000)
    expect(Math.min(...times)).toBeGreaterThan(Date.UTC(2020, 0, 1))
    expect(await listed(store, 'nothing/')).toEqual([])
  },

  async 'takes many at once, also of the same key'({ store }) {
    const bodies = Array.from({ length: 24 }, () => randomBytes(50_000))
    await Promise.all(bodies.map((bytes, n) => store.put(`packs/${n}`, bytes)))
    await Promise.all(bodies.map((bytes) => store.put('same', bytes)))
    const back = await Promise.all(bodies.map((_, n) => store.get(`packs/${n}`)))
    expect(back.every((bytes, n) => same(bytes, bodies[n]!))).toBe(true)
    const last = await store.get('same')
    expect(bodies.some((bytes) => same(bytes, last))).toBe(true)
  },

  async 'stores an object of the largest size, and none beyond'({ store }) {
    const bytes = randomBytes(maxObjectBytes)
    await store.put('large', bytes)
    expect(same(await store.get('large'), bytes)).toBe(true)
    const end = await store.get('large', { start: maxObjectBytes - 10, length: 10 })
    expect(same(end, bytes.subarray(-10))).toBe(true)
    await expect(store.put('too-large', new Uint8Array(maxObjectBytes + 1))).rejects.toThrow(TypeError)
  },

  async 'stops when it is told to, and leaves nothing half-done'({ store }) {
    const stopped = AbortSignal.abort(new Error('enough'))
    await store.put('a', Buffer.from('first'))
    await expect(store.put('a', randomBytes(1000), stopped)).rejects.toThrow('enough')
    await expect(store.get('a', undefined, stopped)).rejects.toThrow('enough')
    await expect(listed(store, '', stopped)).rejects.toThrow('enough')
    const stop = new AbortController()
    const putting = store.put('b', Buffer.alloc(maxObjectBytes, 'b'), stop.signal)
    stop.abort(new Error('enough'))
    await expect(putting).rejects.toThrow('enough')
    expect((await store.get('a')).toString()).toBe('first')
    expect((await listed(store, '')).filter(({ key, sizeBytes }) => key !== 'a' && sizeBytes < maxObjectBytes)).toEqual(
      [],
    )
  },

  async 'refuses keys that mean something to a file system or an address'({ store }) {
    const odd = [
      '',
      '/a',
      'a/',
      'a//b',
      '..',
      'a/../b',
      '.a',
      'a/.b',
      'A',
      'a b',
      'a\\b',
      'a\0',
      'ä',
      'a?b',
      'a%2f',
      '+a',
    ]
    for (const key of [...odd, 'a'.repeat(256)]) {
      await expect(store.put(key, new Uint8Array(1)), JSON.stringify(key)).rejects.toThrow(TypeError)
      await expect(store.get(key)).rejects.toThrow(TypeError)
      await expect(store.remove(key)).rejects.toThrow(TypeError)
    }
    for (const prefix of ['/', '../', 'a//', '.', 'A']) await expect(listed(store, prefix)).rejects.toThrow(TypeError)
    expect(await listed(store, '')).toEqual([])
  },

  async 'says that it works, and leaves no trace of that'({ store }) {
    const findings = await store.check()
    expect(findings.map(({ level, topic }) => [level, topic])).toEqual([['ok', 'object store']])
    expect(await listed(store, '')).toEqual([])
  },
}

async function listed(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
  const found: StoredObject[] = []
  for await (const object of store.list(prefix, signal)) found.push(object)
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

/** Compares large buffers without printing them. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
