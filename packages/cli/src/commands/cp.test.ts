import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let cwd: string
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())
beforeEach(async () => {
  cwd = await aFolder()
  await cli('storage', 'rm', '-r', '--yes', '*')
})

const cli = (...argv: string[]) => runCli(argv, { cwd, env: server.env })
const copy = async (...argv: string[]): Promise<unknown> => {
  const { stdout, stderr, exitCode } = await cli('cp', '--json', ...argv)
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  return JSON.parse(stdout)
}
const inStorage = async (): Promise<string[]> => {
  const { stdout } = await cli('storage', 'ls', '-r', '--json')
  const entries = JSON.parse(stdout) as { path: string; type: string }[]
  return entries.filter(({ type }) => type === 'file').map(({ path }) => path)
}
const here = async (folder: string): Promise<string[]> => {
  const entries = await readdir(join(cwd, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(cwd.length + 1))
    .sort()
}

/** A folder with many small files, and a large one that travels in parts. */
async function aTree(): Promise<void> {
  await mkdir(join(cwd, 'tree', 'deep', 'er'), { recursive: true })
  for (let n = 0; n < 40; n++) await writeFile(join(cwd, 'tree', n % 2 ? 'deep' : 'deep/er', `${n}.txt`), `file ${n}`)
  await writeFile(join(cwd, 'tree', 'large.bin'), randomBytes(40_000_000))
  await writeFile(join(cwd, 'tree', 'empty'), '')
  await utimes(join(cwd, 'tree', 'large.bin'), 1_700_000_000.123, 1_700_000_000.123)
}

test('a folder goes there and back, and only once', async () => {
  await aTree()
  const all = { files: 42, equal: 0, dryRun: false }
  expect(await copy('-r', 'tree', 'storage:sets')).toMatchObject(all)
  expect((await inStorage()).filter((path) => path.startsWith('sets/tree/'))).toHaveLength(42)
  expect(await copy('-r', 'tree', 'storage:sets')).toMatchObject({ files: 0, equal: 42 })
  expect(await copy('-r', 'storage:sets/tree/', 'back')).toMatchObject(all)
  expect(await copy('-r', 'storage:sets/tree/', 'back')).toMatchObject({ files: 0, equal: 42 })
  expect((await here('back')).map((path) => path.replace('back', 'tree'))).toEqual(await here('tree'))
  const [sent, got] = await Promise.all(['tree', 'back'].map((name) => readFile(join(cwd, name, 'large.bin'))))
  expect(got!.equals(sent!)).toBe(true)
  expect((await stat(join(cwd, 'back/large.bin'))).mtimeMs).toBeCloseTo(1_700_000_000_123, -1)
  await writeFile(join(cwd, 'tree/deep/1.txt'), 'other')
  expect(await copy('-r', 'tree', 'storage:sets')).toMatchObject({ files: 1, equal: 41 })
}, 60_000)

test('slashes say what goes where', async () => {
  await mkdir(join(cwd, 'd'))
  await writeFile(join(cwd, 'd', 'f'), 'f')
  await copy('d/f', 'storage:a')
  await copy('d/f', 'storage:b/')
  await copy('d/f', 'storage:b')
  await copy('-r', 'd', 'storage:c')
  await copy('-r', 'd/', 'storage:e')
  expect((await inStorage()).sort()).toEqual(['a', 'b/f', 'c/d/f', 'e/f'])
  await copy('storage:a', 'x')
  await copy('storage:a', 'new/')
  await copy('-r', 'storage:c', '.')
  expect(await here('')).toEqual(['c/d/f', 'd/f', 'new/a', 'x'])
})

test('patterns choose, and what does not match says so', async () => {
  await mkdir(join(cwd, 'd/deep'), { recursive: true })
  for (const path of ['d/a.csv', 'd/b.txt', 'd/deep/a.csv']) await writeFile(join(cwd, path), path)
  await copy('-r', 'd', 'storage:')
  await copy('storage:d/*.csv', 'flat')
  await copy('storage:d/**/*.csv', 'deep')
  expect(await here('flat')).toEqual(['flat/a.csv'])
  expect(await here('deep')).toEqual(['deep/a.csv', 'deep/deep/a.csv'])
  expect(await cli('cp', 'storage:d/*.pt', '.')).toMatchObject({ exitCode: 4 })
  expect(await cli('cp', 'storage:nope', '.')).toMatchObject({ exitCode: 4 })
  expect(await cli('cp', 'nope', 'storage:')).toMatchObject({ exitCode: 4 })
  expect(await cli('cp', 'd', 'storage:')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('-r') })
  expect(await cli('cp', 'd/a.csv', 'x')).toMatchObject({ exitCode: 2 })
  expect(await cli('cp', 'd/a.csv', 'job:train/x')).toMatchObject({ exitCode: 2 })
})

test('what a job left goes here and into storage, without travelling there', async () => {
  const line = 'mkdir /artifacts/m; for i in 1 2 3 4 5; do echo $i > /artifacts/m/$i; done; echo x > /artifacts/top'
  expect(await cli('run', '--workspace', 'none', '--name', 'train', '--', line)).toMatchObject({ exitCode: 0 })
  expect(await copy('-r', 'job:train/m', '.')).toMatchObject({ files: 5 })
  expect(await readFile(join(cwd, 'm', '3'), 'utf8')).toBe('3\n')
  expect(await copy('-r', 'job:train/', 'storage:all')).toMatchObject({ files: 6, equal: 0 })
  expect(await copy('-r', 'job:train/', 'storage:all')).toMatchObject({ files: 0, equal: 6 })
  await copy('job:train/top', 'storage:best')
  await copy('job:train/m/*', 'storage:some/')
  expect((await inStorage()).filter((path) => !path.startsWith('all/'))).toEqual([
    'best',
    ...[1, 2, 3, 4, 5].map((n) => `some/${n}`),
  ])
})

test('a dry run only says so, and links stay behind', async () => {
  await mkdir(join(cwd, 'd'))
  await writeFile(join(cwd, 'd', 'f'), 'f')
  await symlink('/etc/passwd', join(cwd, 'd', 'link'))
  const said = await cli('cp', '-rn', 'd', 'storage:')
  expect(said.stdout).toMatch(/storage:d\/f +1 B/)
  expect(said.stderr).toContain('left out, because they are no plain files: link')
  expect(said.stderr).toContain('Would copy 1 file (1 B)')
  expect(await inStorage()).toEqual([])
})

test('what differs by content alone is found by checksum', async () => {
  for (const content of ['one', 'two']) {
    await writeFile(join(cwd, 'f'), content)
    await utimes(join(cwd, 'f'), 1000, 1000)
    if (content === 'one') await copy('f', 'storage:f')
  }
  expect(await copy('f', 'storage:f')).toMatchObject({ files: 0, equal: 1 })
  expect(await copy('--checksum', 'f', 'storage:f')).toMatchObject({ files: 1, equal: 0 })
})

test('storage is rearranged and measured', async () => {
  await writeFile(join(cwd, 'f'), randomBytes(50_000))
  await copy('f', 'storage:a/f')
  expect(await cli('storage', 'mkdir', 'b/c')).toMatchObject({ exitCode: 0, stderr: 'Made b/c/\n' })
  expect(await cli('storage', 'mv', 'a/f', 'b/c/')).toMatchObject({ exitCode: 0, stderr: 'Moved a/f to b/c/f\n' })
  expect(await inStorage()).toEqual(['b/c/f'])
  const { stdout, stderr } = await runCli(['storage', 'du', '--depth', '2'], { cwd, env: server.env, columns: 60 })
  expect(stripVTControlCharacters(stdout)).toMatch(/b\/ .*\n.*b\/c\//)
  const plain = stripVTControlCharacters(stdout)
  expect(plain.split('\n').every((line) => line.length <= 60)).toBe(true)
  expect(stderr).toMatch(/in 1 file/)
})

test('rules say how long artifacts are kept', async () => {
  expect(await cli('artifact', 'retention', 'show')).toMatchObject({ stderr: expect.stringContaining('No rule') })
  expect(await cli('artifact', 'retention', 'set')).toMatchObject({ exitCode: 2 })
  expect(await cli('artifact', 'retention', 'set', '--keep-last', '1', '--keep-days', '30')).toMatchObject({
    exitCode: 0,
    stderr: 'The team keeps the last 1 job and 30 days.\n',
  })
  expect((await cli('artifact', 'retention', 'show')).stderr).toContain('Nothing would go.')
  expect(await cli('artifact', 'retention', 'clear')).toMatchObject({ stderr: 'Removed the rule.\n' })
})
