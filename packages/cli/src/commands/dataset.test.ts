import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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
})

const cli = (...argv: string[]) => runCli(argv, { cwd, env: server.env })

/** What a command prints with `--json`; it has to succeed. */
const json = async (...argv: string[]): Promise<Record<string, unknown>> => {
  const { stdout, stderr, exitCode } = await cli(...argv, '--json')
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  return JSON.parse(stdout) as Record<string, unknown>
}

async function aFolderOfFaces(): Promise<string> {
  const folder = join(cwd, 'faces')
  await mkdir(join(folder, 'train'), { recursive: true })
  for (let n = 0; n < 20; n++) await writeFile(join(folder, 'train', `${n}.txt`), `face ${n}`)
  await writeFile(join(folder, 'labels.csv'), 'a,b\n')
  // Rules are for code: of data all goes.
  await writeFile(join(folder, '.gitignore'), '*\n')
  return folder
}

test('a folder becomes a version; pushed again unchanged it sends nothing and is the same', async () => {
  const folder = await aFolderOfFaces()
  const first = await cli('dataset', 'push', 'faces', 'faces', '-m', 'begun', '--tag', 'prod')
  expect(first).toMatchObject({ exitCode: 0 })
  expect(first.stderr).toContain('Made faces:1')
  // Our own notes, which change with each job, are no data.
  await mkdir(join(folder, '.nabla'))
  await writeFile(join(folder, '.nabla', 'state.json'), '{}')
  const again = await cli('dataset', 'push', 'faces', 'faces')
  expect(again.stderr).toContain('Sent nothing')
  expect(again.stderr).toContain('Nothing changed: faces:1 is the same.')
  await writeFile(join(folder, 'labels.csv'), 'changed')
  expect(await json('dataset', 'push', 'faces', 'faces')).toMatchObject({ version: 2, files: 22, isSame: false })
  await writeFile(join(cwd, 'extra.txt'), 'extra')
  const onto = await json('dataset', 'push', 'faces', 'extra.txt', '--onto', 'prod', '--tag', 'more')
  expect(onto).toMatchObject({ version: 3, state: 'ready', files: 23, tags: ['latest', 'more'] })
  const versions = await cli('dataset', 'versions', 'faces')
  expect(versions.stdout).toMatch(/3 +ready +latest, more/)
  expect(versions.stdout).toMatch(/1 +ready +prod/)
  expect(await json('dataset', 'tag', 'faces:2', 'prod')).toMatchObject({ version: 2, tags: ['prod'] })
  expect((await cli('dataset', 'show', 'faces:prod')).stdout).toContain('files that were sent')
  expect((await cli('dataset', 'untag', 'faces', 'prod')).stderr).toContain('faces has no tag prod any more')
  expect((await cli('dataset', 'list')).stdout).toMatch(/faces +3 /)
})

test('a job reads it in /data and cannot write there', async () => {
  await aFolderOfFaces()
  await json('dataset', 'push', 'read', 'faces')
  const command =
    'cat /data/read/train/7.txt /data/old/labels.csv; touch /data/read/new 2>&1; rm /data/read/labels.csv 2>&1'
  const datasets = ['--dataset', 'read', '--dataset', 'read:1=old']
  const ran = await cli('run', '--workspace', 'none', '--no-init', ...datasets, '--', command)
  expect(ran.stdout).toContain('face 7a,b')
  expect(ran.stdout).toMatch(/touch: .*Read-only file system/)
  expect(ran.stdout).toMatch(/rm: .*Read-only file system/)
  expect(ran.exitCode).toBe(1)
  expect(await json('dataset', 'show', 'read:1')).toMatchObject({ files: 22 })
  const name = /Job (\S+) in/.exec(ran.stderr)?.[1] ?? ''
  expect((await cli('job', 'show', name)).stdout).toMatch(/datasets +read:1 at \/data\/old\n +read:1 at \/data\/read/)
  for (const [dataset, code] of [
    ['nothing', 'no dataset nothing'],
    ['read:9', 'has no version 9'],
  ] as const) {
    const refused = await cli('run', '--workspace', 'none', '--no-init', '--dataset', dataset, '--', 'true')
    expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining(code) })
    expect(refused.stderr).toMatch(/nabla dataset (list|versions read)/)
  }
}, 60_000)

test('what a job made, and what lies in storage, become versions on the server', async () => {
  const made = 'mkdir -p /artifacts/deep && echo weights > /artifacts/deep/model.pt && echo x > /storage/from-job'
  expect(await cli('run', '--workspace', 'none', '--no-init', '--name', 'maker', '--', made)).toMatchObject({
    exitCode: 0,
  })
  expect(await json('dataset', 'import', 'models', 'job:maker/deep')).toMatchObject({ version: 1, files: 1 })
  expect(await json('dataset', 'import', 'stored', 'storage:from-job', '--tag', 'a')).toMatchObject({
    tags: ['latest', 'a'],
  })
  expect((await cli('dataset', 'get', 'models', 'model.pt', '--to', '-')).stdout).toBe('weights\n')
  const refused = await cli('dataset', 'import', 'models', 'http://127.0.0.1:1/x')
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('does not fetch from 127.0.0.1') })
  expect(await cli('dataset', 'delete', 'models:2')).toMatchObject({ exitCode: 0 })
  expect((await cli('dataset', 'delete', 'stored')).exitCode).toBe(2)
  expect(await cli('dataset', 'delete', 'stored', '--yes')).toMatchObject({ exitCode: 0 })
}, 60_000)

test('it is copied like other places, and what is copied to it is a new version', async () => {
  await aFolderOfFaces()
  expect(await json('cp', 'faces', 'dataset:copied')).toMatchObject({ files: 22, equal: 0 })
  expect(await json('cp', 'faces', 'dataset:copied')).toMatchObject({ files: 0, equal: 22 })
  expect(await json('cp', '-r', 'dataset:copied:1/', 'back')).toMatchObject({ files: 22 })
  expect(await readFile(join(cwd, 'back/train/3.txt'), 'utf8')).toBe('face 3')
  await json('cp', 'dataset:copied/train/*.txt', 'some')
  expect(await readdir(join(cwd, 'some'))).toHaveLength(20)
  expect(await json('dataset', 'get', 'copied', 'train', '--to', 'got')).toMatchObject({ files: 20 })
  expect((await cli('dataset', 'files', 'copied', '-r')).stdout).toContain('train/19.txt')
  await json('storage', 'put', 'faces/labels.csv', '--to', 'labels.csv')
  expect(await json('cp', 'storage:labels.csv', 'dataset:copied')).toMatchObject({ files: 1 })
  const refused = await cli('cp', 'faces', 'dataset:copied:1')
  expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nabla dataset push') })
})

test('two versions are compared file by file, also where sizes are equal or only the right to run changed', async () => {
  const folder = await aFolderOfFaces()
  await cli('dataset', 'push', 'people', 'faces')
  await writeFile(join(folder, 'labels.csv'), 'b,a\n')
  await writeFile(join(folder, 'train', '0.txt'), 'another face')
  await writeFile(join(folder, 'new.txt'), 'new')
  await rm(join(folder, 'train', '1.txt'))
  await chmod(join(folder, 'train', '2.txt'), 0o755)
  await cli('dataset', 'push', 'people', 'faces')
  const { stdout, stderr, exitCode } = await cli('dataset', 'compare', 'people:1', 'people')
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  expect(stdout.split('\n').slice(1, -1)).toEqual([
    expect.stringMatching(/^changed +labels\.csv +4 B +4 B$/),
    expect.stringMatching(/^added +new\.txt +– +3 B$/),
    expect.stringMatching(/^changed +train\/0\.txt +6 B +12 B$/),
    expect.stringMatching(/^removed +train\/1\.txt +6 B +–$/),
    expect.stringMatching(/^changed +train\/2\.txt +6 B +6 B$/),
  ])
  expect((await cli('dataset', 'compare', 'people:2', 'people:latest')).stderr).toContain('They hold the same files.')
  expect(await json('dataset', 'compare', 'people:2', 'people:1')).toMatchObject({ complete: true })
  const absent = await cli('dataset', 'compare', 'people:9', 'people')
  expect(absent).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('people') })
})
