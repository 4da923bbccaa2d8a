import { lstat, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Header, type HeaderData } from 'tar'
import { expect, test } from 'vitest'
import { unpackTar } from './download.ts'
import { aFolder } from '../testing/run-cli.ts'

const noProgress = { add: () => {}, stop: () => {} }

/** A tar archive with exactly these entries, however hostile. */
function anArchive(entries: (HeaderData & { content?: string })[], end = true): Response {
  const blocks = entries.flatMap(({ content = '', ...data }) => {
    const block = Buffer.alloc(512)
    new Header({ mode: 0o644, size: content.length, type: 'File', ...data }).encode(block)
    return [block, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))]
  })
  return new Response(Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]))
}

test('unpacks files and folders, and counts them', async () => {
  const target = await aFolder()
  const archive = anArchive([
    { path: 'a/', type: 'Directory', mode: 0o755 },
    { path: 'a/b.txt', content: 'hello' },
  ])
  expect(await unpackTar(archive, target, noProgress)).toEqual({ files: 1, sizeBytes: 5, linksOut: [] })
  expect(await readFile(join(target, 'a', 'b.txt'), 'utf8')).toBe('hello')
})

test.each([
  ['a path upwards', { path: '../evil', content: 'x' }],
  ['a path upwards, hidden', { path: 'a/../../evil', content: 'x' }],
  ['an absolute path', { path: '/tmp/nabla-evil', content: 'x' }],
  ['a hard link', { path: 'link', type: 'Link', linkpath: '../outside' }],
  ['a device', { path: 'dev', type: 'CharacterDevice' }],
] as const)('refuses %s, and writes nothing outside', async (_, entry) => {
  const target = await aFolder()
  await expect(unpackTar(anArchive([entry]), target, noProgress)).rejects.toThrow('cannot be used')
  expect(await readdir(join(target, '..'))).toEqual(['work'])
})

test('leaves links out that lead elsewhere, and nothing is written through them', async () => {
  const target = await aFolder()
  const result = await unpackTar(
    anArchive([
      { path: 'out', type: 'SymbolicLink', linkpath: '../..' },
      { path: 'root', type: 'SymbolicLink', linkpath: '/etc' },
      { path: 'sub/in', type: 'SymbolicLink', linkpath: '../file' },
      { path: 'file', content: 'x' },
      { path: 'out/evil', content: 'x' },
    ]),
    target,
    noProgress,
  )
  expect(result.linksOut).toEqual(['out', 'root'])
  expect((await lstat(join(target, 'out'))).isDirectory()).toBe(true)
  expect((await lstat(join(target, 'sub', 'in'))).isSymbolicLink()).toBe(true)
})

test('does not follow a link that is in the target already', async () => {
  const target = await aFolder()
  const outside = await aFolder('outside')
  await symlink(outside, join(target, 'sub'))
  await unpackTar(anArchive([{ path: 'sub/file', content: 'x' }]), target, noProgress).catch(() => {})
  expect(await readdir(outside)).toEqual([])
})

test('an archive that breaks off is no success', async () => {
  const target = await aFolder()
  const whole = Buffer.from(await anArchive([{ path: 'a', content: 'x'.repeat(2000) }]).arrayBuffer())
  const half = new Response(whole.subarray(0, 1200))
  await expect(unpackTar(half, target, noProgress)).rejects.toThrow('incomplete or damaged')
})

test('paths lose the folders that are taken off', async () => {
  const target = await aFolder()
  await writeFile(join(target, 'there'), '')
  const archive = anArchive([
    { path: 'a/b/', type: 'Directory', mode: 0o755 },
    { path: 'a/b/c', content: '1' },
  ])
  expect(await unpackTar(archive, target, noProgress, 1)).toMatchObject({ files: 1 })
  expect((await readdir(target, { recursive: true })).sort()).toEqual(['b', 'b/c', 'there'])
})
