import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, rmSync, truncateSync } from 'node:fs'
import { chmod, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { chunkLength } from '@nabla/api/chunker'
import { fileSize } from '@nabla/api/tree-format'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { aFolder } from '../testing/run-cli.ts'
import { ChunkReader, readChunk, type ReadFile, type Slab } from './read-chunks.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Reads files one after another; `between` is called at each slab. Gives the contents of all slabs, by hash. */
function readAll(root: string, paths: string[], between: (slab: Slab) => void = () => {}) {
  const reader = new ChunkReader(root)
  const contents = new Map<string, Buffer>()
  const take = (slab: Slab): void => {
    for (const { hash, start, sizeBytes } of slab.chunks) {
      contents.set(hash, Buffer.from(slab.bytes.subarray(start, start + sizeBytes)))
    }
    between(slab)
    slab.free()
  }
  const files = paths.map((path): ReadFile | undefined => {
    const slabs = reader.read(path)
    let step = slabs.next()
    for (; !step.done; step = slabs.next()) take(step.value)
    return step.value
  })
  for (const slab of reader.rest()) take(slab)
  return { files, contents }
}

test('files come out whole, cut where the chunker says, whatever their sizes', async () => {
  const root = await aFolder()
  const sizes = [0, 1, 131_072, 131_073, 1_048_576, limits.slabBytes - 5, limits.slabBytes + 1, 9_000_000, 17]
  const wanted = sizes.map((size) => randomBytes(size))
  for (const [index, bytes] of wanted.entries()) await writeFile(join(root, `f${index}`), bytes)
  const { files, contents } = readAll(
    root,
    Object.keys(sizes).map((index) => `f${index}`),
  )
  for (const [index, bytes] of wanted.entries()) {
    const chunks = files[index]?.chunks ?? []
    expect(Buffer.concat(chunks.map(([hash]) => contents.get(hash) ?? Buffer.alloc(0))).equals(bytes)).toBe(true)
    const cuts: number[] = []
    for (let start = 0; start < bytes.length;) {
      cuts.push(chunkLength(bytes, start))
      start += cuts.at(-1) ?? 0
    }
    expect(chunks.map(([, sizeBytes]) => sizeBytes)).toEqual(cuts)
    for (const [hash] of chunks) expect(sha256(contents.get(hash) ?? Buffer.alloc(0))).toBe(hash)
  }
})

test('memory is used again: a file of many slabs takes two of them', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'large'), randomBytes(limits.slabBytes * 5))
  const memory = new Set<SharedArrayBuffer>()
  readAll(root, ['large'], ({ bytes }) => memory.add(bytes.buffer))
  expect(memory.size).toBe(2)
})

test('holes of a sparse file are zeros, and one chunk of them stands for all', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'sparse'), 'begin')
  await truncate(join(root, 'sparse'), 60_000_000)
  const { files, contents } = readAll(root, ['sparse'])
  expect(fileSize(files[0]?.chunks ?? [])).toBe(60_000_000)
  expect(contents.size).toBeLessThanOrEqual(3)
})

test('a file that changes while it is read is read again', async () => {
  const root = await aFolder()
  const path = join(root, 'file')
  await writeFile(path, Buffer.alloc(9_000_000, 'a'))
  let times = 0
  const { files, contents } = readAll(root, ['file'], () => {
    if (times++ === 0) appendFileSync(path, 'more')
  })
  const [file] = files
  expect(file?.changed).toBe(false)
  expect(fileSize(file?.chunks ?? [])).toBe(9_000_004)
  expect(contents.get(file?.chunks.at(-1)?.[0] ?? '')?.toString()).toMatch(/amore$/)
})

test('one that changes all the time is taken as it was seen, and reported', async () => {
  const root = await aFolder()
  const path = join(root, 'log')
  await writeFile(path, Buffer.alloc(9_000_000, 'a'))
  const grown = readAll(root, ['log'], () => appendFileSync(path, 'line\n')).files[0]
  expect(grown?.changed).toBe(true)
  expect(fileSize(grown?.chunks ?? [])).toBeGreaterThan(9_000_000)
  const cut = readAll(root, ['log'], () => truncateSync(path, 1000)).files[0]
  expect(fileSize(cut?.chunks ?? [])).toBe(1000)
})

test('one that is gone is none, and one that goes while it is open is whole', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'file'), Buffer.alloc(9_000_000))
  expect(readAll(root, ['nothing', 'file/below']).files).toEqual([undefined, undefined])
  const { files } = readAll(root, ['file'], () => rmSync(join(root, 'file'), { force: true }))
  expect(fileSize(files[0]?.chunks ?? [])).toBe(9_000_000)
})

test('a chunk is read again only while it is what it was', async () => {
  const root = await aFolder()
  const path = join(root, 'file')
  await writeFile(path, 'hello world')
  const chunk = [sha256(Buffer.from('world')), 5] as const
  expect(readChunk(root, 'file', 6, chunk)?.toString()).toBe('world')
  await writeFile(path, 'hello there')
  expect(readChunk(root, 'file', 6, chunk)).toBeUndefined()
  await truncate(path, 3)
  expect(readChunk(root, 'file', 6, chunk)).toBeUndefined()
  expect(readChunk(root, 'gone', 6, chunk)).toBeUndefined()
})

test('what may not be read is an error that says how to go on', async () => {
  const root = await aFolder()
  await writeFile(join(root, 'secret'), 'x')
  await chmod(join(root, 'secret'), 0)
  await chmod(dirname(root), 0o755)
  const program = `
    import { ChunkReader } from ${JSON.stringify(import.meta.resolve('./read-chunks.ts'))}
    try { [...new ChunkReader(${JSON.stringify(root)}).read('secret')] }
    catch (error) { process.stdout.write(error.message + '|' + error.hint) }`
  // Root may read everything, so it is tried as somebody else.
  const somebody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8', ...somebody })
  expect(ran.stdout).toContain('The file secret cannot be read: permission denied.')
  expect(ran.stdout).toContain('.nablaignore')
})
