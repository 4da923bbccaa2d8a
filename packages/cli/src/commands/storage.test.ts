import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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
const ls = async (...argv: string[]): Promise<string[]> => {
  const { stdout } = await cli('storage', 'ls', '--json', ...argv)
  return (JSON.parse(stdout) as { path: string }[]).map(({ path }) => path)
}

test('a file goes there and back unchanged', async () => {
  const content = randomBytes(3_000_000)
  await writeFile(join(cwd, 'data.bin'), content)
  expect(await cli('storage', 'put', 'data.bin')).toMatchObject({
    exitCode: 0,
    stderr: 'Stored 1 file (3.0 MB) in /storage/\n',
  })
  await mkdir(join(cwd, 'back'))
  expect(await cli('storage', 'get', 'data.bin', '--to', 'back')).toMatchObject({ exitCode: 0 })
  const back = await readFile(join(cwd, 'back', 'data.bin'))
  expect(createHash('sha256').update(back).digest('hex')).toBe(createHash('sha256').update(content).digest('hex'))
  expect((await cli('storage', 'get', '/storage/data.bin', '--to', 'renamed')).exitCode).toBe(0)
  expect((await readdir(cwd)).sort()).toEqual(['back', 'data.bin', 'renamed'])
})

test('folders go there and back with what is below them', async () => {
  await mkdir(join(cwd, 'tree', 'a', 'b'), { recursive: true })
  for (const path of ['tree/top', 'tree/a/x.pt', 'tree/a/b/ünï cödé']) await writeFile(join(cwd, path), path)
  await symlink('/etc/passwd', join(cwd, 'tree', 'link'))
  expect(await cli('storage', 'put', 'tree')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('put -r tree'),
  })
  const put = await cli('storage', 'put', '-r', 'tree', '--to', 'sets/')
  expect(put.stderr).toContain('left out, because they are no plain files: link')
  expect(await ls('-r', 'sets')).toEqual(
    expect.arrayContaining(['sets/tree/a/b/ünï cödé', 'sets/tree/a/x.pt', 'sets/tree/top']),
  )
  await cli('storage', 'get', 'sets/tree', '--to', 'back')
  expect(await readFile(join(cwd, 'back', 'tree', 'a', 'x.pt'), 'utf8')).toBe('tree/a/x.pt')
})

test('--to names a file, or a folder that is there or ends in a slash', async () => {
  await writeFile(join(cwd, 'a'), '1')
  await writeFile(join(cwd, 'b'), '2')
  await cli('storage', 'put', 'a', '--to', 'x/new-name')
  await cli('storage', 'put', 'a', '--to', 'x')
  await cli('storage', 'put', 'a', 'b', '--to', 'both')
  await cli('storage', 'put', 'b', '--to', '/storage/y/')
  expect((await ls('-r')).filter((path) => /[^/]\/[^/]/.test(path)).sort()).toEqual([
    'both/a',
    'both/b',
    'x/a',
    'x/new-name',
    'y/b',
  ])
})

test('patterns choose files to show, fetch and delete', async () => {
  await mkdir(join(cwd, 'runs', 'deep'), { recursive: true })
  for (const path of ['runs/a.pt', 'runs/b.txt', 'runs/deep/c.pt']) await writeFile(join(cwd, path), path)
  await cli('storage', 'put', '-r', 'runs')
  expect(await ls('runs/*.pt')).toEqual(['runs/a.pt'])
  expect((await ls('**/*.pt')).sort()).toEqual(['runs/a.pt', 'runs/deep/c.pt'])
  await cli('storage', 'get', 'runs/**/*.pt', '--to', 'some')
  expect((await readdir(join(cwd, 'some'), { recursive: true })).filter((path) => path.endsWith('.pt')).sort()).toEqual(
    ['runs/a.pt', 'runs/deep/c.pt'],
  )
  expect(await cli('storage', 'rm', 'runs/*.txt')).toMatchObject({ exitCode: 0, stderr: 'Deleted runs/b.txt\n' })
  expect(await ls('runs/*.txt')).toEqual([])
})

test('a folder is deleted only when that is said twice', async () => {
  await writeFile(join(cwd, 'f'), '')
  await cli('storage', 'put', 'f', '--to', 'dir/')
  expect(await cli('storage', 'rm', 'dir')).toMatchObject({ exitCode: 5 })
  const unasked = await cli('storage', 'rm', '-r', 'dir')
  expect(unasked.exitCode).toBe(2)
  expect(unasked.stderr).toContain('Give --yes to go on.')
  expect(await cli('storage', 'rm', '-r', '--yes', 'dir')).toMatchObject({ exitCode: 0 })
  expect(await ls()).toEqual([])
})

test('what is not there says so, and how much is used is told', async () => {
  expect(await cli('storage', 'get', 'nope')).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('There is no nope in storage.'),
  })
  expect(await cli('storage', 'rm', '*.nope')).toMatchObject({ exitCode: 4 })
  expect(await cli('storage', 'put', 'nope')).toMatchObject({ exitCode: 4 })
  expect(await cli('storage', 'ls')).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('nabla storage put'),
  })
  await writeFile(join(cwd, 'f'), 'x'.repeat(1500))
  await cli('storage', 'put', 'f')
  expect((await cli('storage', 'usage')).stdout).toMatch(/used +[\d.]+ kB in 1 file/)
})

test('a file of a job is read from here, and one of here by a job', async () => {
  await writeFile(join(cwd, 'in.txt'), 'from here')
  await cli('storage', 'put', 'in.txt')
  const line = 'cat /storage/in.txt; echo from there > /storage/out.txt'
  expect(await cli('run', '--workspace', 'none', '--', line)).toMatchObject({ exitCode: 0, stdout: 'from here' })
  expect((await cli('storage', 'get', 'out.txt', '--to', '-')).stdout).toBe('from there\n')
})
