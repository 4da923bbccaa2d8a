import { execFileSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeMeter } from './meter.ts'
import { readZip } from './zip-reader.ts'
import { packZip } from './zip-writer.ts'

let base: string
let root: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'zip-'))
  root = join(base, 'root')
  await mkdir(root)
})
afterEach(() => rm(base, { recursive: true, force: true }))

async function pack(): Promise<string> {
  const zip = join(base, 'made.zip')
  await pipeline(packZip(root), createWriteStream(zip))
  return zip
}

/** Name and size of each file; the reader checks the rest. */
async function read(zip: string): Promise<[string, number][]> {
  const found: [string, number][] = []
  const roomy = { unpackedBytes: Infinity, bombFloorBytes: Infinity, unpackedEntries: Infinity }
  for await (const member of readZip(zip, makeMeter(roomy))) {
    let size = 0
    for await (const chunk of member.content) size += chunk.length
    found.push([member.path.toString('utf8'), size])
  }
  return found
}

/** Python's own reader of zip archives. */
const python = (script: string, ...args: string[]) => execFileSync('python3', ['-c', script, ...args]).toString()

test('Python reads names, contents, modes and times', async () => {
  await mkdir(join(root, 'd'))
  await writeFile(join(root, 'd', 'ünï \\ x'), 'text '.repeat(1000), { mode: 0o755 })
  await symlink('ünï', join(root, 'd', 'link'))
  await writeFile(join(root, 'none'), '')
  const zip = await pack()
  const script =
    'import zipfile,sys,json;z=zipfile.ZipFile(sys.argv[1]);print(json.dumps([z.testzip(),' +
    '[[i.filename,i.file_size,oct(i.external_attr>>16)] for i in z.infolist()]]))'
  expect(JSON.parse(python(script, zip))).toEqual([
    null,
    [
      ['d/', 0, '0o40755'],
      ['d/link', 5, '0o120755'],
      ['d/ünï %x5c x', 5000, '0o100755'],
      ['none', 0, '0o100644'],
    ],
  ])
})

test('a file beyond 4 GiB is written as Zip64', async () => {
  const size = 4.2 * 1024 ** 3
  await writeFile(join(root, 'large'), '')
  await truncate(join(root, 'large'), Math.floor(size))
  await using file = await open(join(root, 'large'), 'r+')
  await file.write('end', Math.floor(size) - 3)
  await writeFile(join(root, 'z'), 'behind')
  const zip = await pack()
  expect((await stat(zip)).size).toBeLessThan(64 * 1024 * 1024)
  expect(await read(zip)).toEqual([
    ['large', Math.floor(size)],
    ['z', 6],
  ])
}, 120_000)

test('more than 65,535 files are written as Zip64', async () => {
  for (let folder = 0; folder < 8; folder++) {
    await mkdir(join(root, String(folder)))
    const names = Array.from({ length: 8500 }, (_, index) => join(root, String(folder), String(index)))
    for (let from = 0; from < names.length; from += 500) {
      await Promise.all(names.slice(from, from + 500).map((name) => writeFile(name, '')))
    }
  }
  const zip = await pack()
  expect(python('import zipfile,sys;print(len(zipfile.ZipFile(sys.argv[1]).namelist()))', zip).trim()).toBe('68008')
}, 120_000)

test('what grows is cut off, and what shrinks is filled up', async () => {
  await writeFile(join(root, 'a'), 'x'.repeat(3_000_000))
  const zip = packZip(root)
  let changed = false
  const chunks: Buffer[] = []
  for await (const chunk of zip) {
    if (!changed) await truncate(join(root, 'a'), 10)
    changed = true
    chunks.push(chunk as Buffer)
  }
  await writeFile(join(base, 'cut.zip'), Buffer.concat(chunks))
  expect(await read(join(base, 'cut.zip'))).toEqual([['a', 3_000_000]])
})
