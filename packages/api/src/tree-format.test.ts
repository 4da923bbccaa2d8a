import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { comparePaths, decodeSegment, encodeRoot, encodeSegments, fileSize, type TreeEntry } from './tree-format.ts'
import { treeLimits } from './tree-limits.ts'
import { decodeRoot } from './tree-root.ts'

const hashOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const one = hashOf('one')

const aFile = (path: string, content = path): TreeEntry => ({
  type: 'file',
  path,
  executable: false,
  chunks: [[hashOf(content), content.length]],
})

const paths = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((path) => path.isWellFormed())
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const chunks = fc.array(fc.tuple(hashes, fc.integer({ min: 1, max: 1 << 20 })), { maxLength: 4 })
const entries: fc.Arbitrary<TreeEntry[]> = fc
  .uniqueArray(
    fc.oneof(
      fc.record({ type: fc.constant('file' as const), path: paths, executable: fc.boolean(), chunks }),
      fc.record({ type: fc.constant('folder' as const), path: paths }),
      fc.record({ type: fc.constant('link' as const), path: paths, target: paths }),
    ),
    { selector: (entry) => entry.path, maxLength: 600 },
  )
  .map((list) => list.sort((a, b) => comparePaths(a.path, b.path)))

describe('the order of paths', () => {
  test('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        expect(Math.sign(comparePaths(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['a', 'a/b'],
    ['a', 'b'],
    ['a.b', 'a/b'],
    ['a/b', 'ab'],
    ['B', 'a'],
    ['z', 'ä'],
    // U+FF5E is one unit of UTF-16 and above the surrogates that stand for U+1F600, whose bytes are larger.
    ['\uff5e', '\u{1f600}'],
    ['a\ud7ff', 'a\u{10000}'],
  ])('puts %j before %j', (first, second) => {
    expect(comparePaths(first, second)).toBeLessThan(0)
    expect(comparePaths(second, first)).toBeGreaterThan(0)
    expect(comparePaths(first, first)).toBe(0)
  })
})

describe('segments', () => {
  test('hold what was written', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect([...encodeSegments(list)].flatMap(decodeSegment)).toEqual(list)
      }),
    )
  })

  test('are lines of JSON, the same for ever', () => {
    const list: TreeEntry[] = [
      { type: 'folder', path: 'a' },
      { type: 'file', path: 'a/"quoted" ä', executable: false, chunks: [[one, 3]] },
      { type: 'file', path: 'a/empty', executable: true, chunks: [] },
      { type: 'link', path: 'b', target: 'a/empty' },
    ]
    expect([...encodeSegments(list)].map(text)).toEqual([
      `["d","a"]\n["f","a/\\"quoted\\" ä",["${one}",3]]\n["x","a/empty",[]]\n["l","b","a/empty"]\n`,
    ])
  })

  test('are cut at the same paths for ever', () => {
    const list = Array.from({ length: 2000 }, (_, index) => aFile(`f${String(index).padStart(5, '0')}`))
    expect([...encodeSegments(list)].map((bytes) => decodeSegment(bytes).length)).toEqual([412, 31, 167, 406, 177, 807])
  })

  test('change one at a time: an entry more, less or other leaves all others as they were', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `folder/file-${String(index * 2).padStart(6, '0')}.py`)
    const list = names.map((name) => aFile(name))
    const before = new Set([...encodeSegments(list)].map(hashOf))
    expect(before.size).toBeGreaterThan(5)
    fc.assert(
      fc.property(fc.nat(names.length - 1), fc.constantFrom('changed', 'added', 'removed'), (at, how) => {
        const changed = [...list]
        if (how === 'changed') changed[at] = aFile(names[at]!, 'other content')
        if (how === 'removed') changed.splice(at, 1)
        if (how === 'added') changed.splice(at + 1, 0, aFile(`${names[at]!}c`))
        const after = [...encodeSegments(changed)].map(hashOf)
        // Two where the entry itself was or became the end of one.
        expect(after.filter((hash) => !before.has(hash)).length).toBeLessThanOrEqual(how === 'changed' ? 1 : 2)
        expect(after.filter((hash) => !before.has(hash)).length).toBeGreaterThan(0)
      }),
      { numRuns: 50 },
    )
  })

  test('are closed when they are full, whatever the paths say', () => {
    const many = Array.from({ length: 300 }, (_, index) => ({
      ...aFile(`large-${String(index).padStart(4, '0')}`),
      chunks: Array.from({ length: 500 }, () => [one, 1] as const),
    }))
    for (const bytes of encodeSegments(many)) {
      expect(bytes.byteLength).toBeLessThan(treeLimits.segmentBytes + 500 * 80)
      expect(decodeSegment(bytes).length).toBeLessThanOrEqual(treeLimits.segmentEntries)
    }
  })

  test.each([
    ['b', 'a'],
    ['a', 'a'],
  ])('are not made of %j before %j', (first, second) => {
    expect(() => [...encodeSegments([aFile(first), aFile(second)])]).toThrow(`not in order: ${first}, ${second}`)
  })

  test.each([
    ['nothing', ''],
    ['a line that does not end', '["d","a"]'],
    ['an empty line', '["d","a"]\n\n'],
    ['what is no JSON', 'x\n'],
    ['an unknown kind', '["q","a"]\n'],
    ['a field too many', '["d","a","b"]\n'],
    ['an empty path', '["d",""]\n'],
    ['a hash without a size', `["f","a",["${one}"]]\n`],
    ['sizes and hashes swapped', `["f","a",[3,"${one}"]]\n`],
    ['a chunk of no bytes', `["f","a",["${one}",0]]\n`],
    ['half a byte', `["f","a",["${one}",0.5]]\n`],
    ['a hash that is too short', '["f","a",["abcd",1]]\n'],
  ])('are not read from %s', (_, line) => {
    expect(() => decodeSegment(new TextEncoder().encode(line))).toThrow()
  })

  test('are not read from what is no UTF-8', () => {
    expect(() => decodeSegment(Buffer.from('["d","\xff"]\n', 'latin1'))).toThrow()
  })
})

describe('the root', () => {
  test('holds what was written, and is the same bytes whatever the order of its fields', () => {
    const root = { version: 1 as const, files: 2, sizeBytes: 10, segments: [[one, 80]] as [string, number][] }
    const { segments, ...rest } = root
    expect(decodeRoot(encodeRoot(root))).toEqual(root)
    expect(text(encodeRoot({ segments, ...rest }))).toBe(
      `{"version":1,"files":2,"sizeBytes":10,"segments":[["${one}",80]]}`,
    )
  })

  test.each([
    ['another version', '{"version":2,"files":0,"sizeBytes":0,"segments":[]}'],
    ['a field too many', '{"version":1,"files":0,"sizeBytes":0,"segments":[],"more":1}'],
    ['a negative size', '{"version":1,"files":0,"sizeBytes":-1,"segments":[]}'],
    ['an empty segment', `{"version":1,"files":0,"sizeBytes":0,"segments":[["${one}",0]]}`],
    ['what is no JSON', '{'],
  ])('is not read from %s', (_, json) => {
    expect(() => decodeRoot(new TextEncoder().encode(json))).toThrow()
  })
})

test('the size of a file is that of its chunks', () => {
  expect(fileSize([])).toBe(0)
  expect(
    fileSize([
      [one, 3],
      [one, 4],
    ]),
  ).toBe(7)
})
