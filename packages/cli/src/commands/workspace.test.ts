import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** Makes files of these sizes. */
async function makeFiles(root: string, files: Record<string, number | string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    await writeFile(join(root, path), typeof content === 'string' ? content : '')
    if (typeof content === 'number') await truncate(join(root, path), content)
  }
}

async function aProject(): Promise<string> {
  const root = await aFolder('project')
  await makeFiles(root, {
    '.gitignore': '*.log\n',
    '.nablaignore': '!wanted\n',
    'train.py': 'print()',
    'run.log': '',
    '__pycache__/a.pyc': '',
    'venv/pyvenv.cfg': '',
    'wanted/pyvenv.cfg': '',
    'wanted/bin/python': 'x',
    'data/train set.csv': 30_000_000,
    'data/small.csv': 10,
    'data/parts/a.parquet': 12_000_000,
    'data/parts/b.parquet': 11_000_000,
  })
  await symlink('/etc/passwd', join(root, 'out'))
  return root
}

const preview = (cwd: string, argv: string[] = [], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(['workspace', 'preview', ...argv], { cwd, ...more, env: { ...server.env, ...more.env } })

test('shows what would go, what stays and by which line, and what is there by accident', async () => {
  const cwd = await aProject()
  const { exitCode, stdout, stderr } = await preview(cwd)
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`9 files, 53.0 MB would go from ${cwd}\n`)
  expect(stdout).toMatch(/The server lacks [\d.]+ MB, in \d files\./)
  expect(stdout).toMatch(/LARGEST FILES\n30\.0 MB +data\/train set\.csv\n12\.0 MB +data\/parts\/a\.parquet\n/)
  expect(stdout).toMatch(/53\.0 MB +4 +data\//)
  expect(stdout).toMatch(/run\.log +\*\.log +\.gitignore:1\n/)
  expect(stdout).toMatch(/venv\/ +a virtual environment +nabla\n/)
  expect(stdout).toContain(
    'data/train set.csv  looks like data, 30.0 MB\n' +
      '  .nablaignore  /data/train\\ set.csv\n' +
      "  instead       nabla storage put 'data/train set.csv' --to data/\n",
  )
  expect(stdout).toContain('  .nablaignore  /data/parts/*.parquet\n')
  expect(stdout).toContain('wanted/  a virtual environment, 2 files, 1 B\n  .nablaignore  /wanted/\n')
  expect(stderr).toContain('links that lead out of the folder: out')
})

test('the lines that it gives leave out what they name', async () => {
  const cwd = await aProject()
  const { stdout } = await preview(cwd)
  const lines = [...stdout.matchAll(/^ {2}\.nablaignore {2}(.*)$/gm)].map(([, line]) => line ?? '')
  expect(lines).toHaveLength(3)
  await writeFile(join(cwd, '.nablaignore'), `!wanted\n${lines.join('\n')}\n`)
  const after = JSON.parse((await preview(cwd, ['--json'])).stdout) as { files: number; caught: unknown[] }
  expect(after).toMatchObject({ files: 4, caught: [] })
})

test('a folder of very many images is a data set', async () => {
  const cwd = await aFolder()
  const images = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`set/cats/${index}.JPG`, 'x']))
  await makeFiles(cwd, { ...images, 'doc/figure.png': 'x' })
  const { caught } = JSON.parse((await preview(cwd, ['--json'])).stdout) as { caught: unknown[] }
  expect(caught).toEqual([
    {
      what: 'media',
      path: 'set/cats/',
      files: 1000,
      sizeBytes: 1000,
      ignoreLine: '/set/cats/',
      instead: 'nabla storage put -r set/cats',
    },
  ])
})

test('--json tells all of it, and knows what the server has after a job was sent', async () => {
  const cwd = await aFolder('sent')
  await makeFiles(cwd, { 'a.txt': 'aaa', 'b/c.txt': 'c', 'x.tmp': '' })
  await runCli(['job', 'create', '--no-init', '--ignore', '*.tmp', '--', 'true'], { cwd, env: server.env })
  const told = JSON.parse((await preview(cwd, ['--json', '--ignore', '*.tmp'])).stdout) as unknown
  expect(told).toMatchObject({
    folder: cwd,
    files: 2,
    sizeBytes: 4,
    server: { lackingFiles: 0, lackingBytes: 0 },
    entries: [
      { path: 'a.txt', sizeBytes: 3 },
      { path: 'b/c.txt', sizeBytes: 1 },
    ],
    ignored: [{ path: 'x.tmp', by: { from: 'option', pattern: '*.tmp' } }],
    caught: [],
  })
  expect((await preview(cwd, ['--ignore', '*.tmp'])).stdout).toContain('The server has all of it')
})

test('works without a server, and fits a narrow terminal', async () => {
  const cwd = await aProject()
  const away = await preview(cwd, [], { env: { NABLA_URL: 'http://127.0.0.1:9' } })
  expect(away.exitCode).toBe(0)
  expect(away.stdout).toContain('What the server has is not known: The server at http://127.0.0.1:9 does not answer.')
  const deep = `${'folder-with-a-long-name/'.repeat(5)}file.py`
  await makeFiles(cwd, { [deep]: 'x' })
  const narrow = await preview(cwd, [], { env: { COLUMNS: '50' } })
  const tables = narrow.stdout.split('\n').filter((line) => /(MB|kB| B) {2}|nabla$|ignore:\d/.test(line))
  expect(tables.length).toBeGreaterThan(5)
  expect(tables.filter((line) => line.length > 50 && !line.includes('looks'))).toEqual([])
})

test('what is no folder is refused', async () => {
  const cwd = await aFolder()
  expect(await preview(cwd, ['nowhere'])).toMatchObject({ exitCode: 2 })
  await makeFiles(cwd, { 'code.zip': '' })
  expect((await preview(cwd, ['code.zip'])).stderr).toContain('code.zip is no folder.')
})
