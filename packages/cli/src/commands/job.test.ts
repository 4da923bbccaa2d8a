import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Job } from '@nabla/api/job'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'
import { toTime } from './job-logs.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const cli = (cwd: string, argv: string[], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(argv, { cwd, ...more, env: { ...server.env, ...more.env } })

const json = async <Value>(cwd: string, argv: string[]): Promise<Value> => {
  const ran = await cli(cwd, ['--json', ...argv])
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  return JSON.parse(ran.stdout) as Value
}

/** A job that has ended. */
async function aJob(cwd: string, name: string, line: string): Promise<Job> {
  const created = await cli(cwd, ['job', 'create', '--workspace', 'none', '--name', name, '--', line])
  expect(created.exitCode).toBe(0)
  await cli(cwd, ['job', 'wait', name])
  return json<Job>(cwd, ['job', 'show', name])
}

test('a job is created, waited for, shown, listed, renamed and deleted', async () => {
  const cwd = await aFolder('lifecycle')
  const created = await cli(cwd, [
    'job',
    'create',
    '--workspace',
    'none',
    '--name',
    'first',
    '--tag',
    'a',
    '--',
    'exit 4',
  ])
  expect(created.stdout).toMatch(/^first {2}j[0-9a-z]{16}\n$/)
  expect(await cli(cwd, ['job', 'wait'])).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('✖ first failed'),
  })
  expect((await cli(cwd, ['job', 'show'])).stdout).toMatch(/state {6}✖ failed, exit code 4\n/)
  expect((await cli(cwd, ['job', 'update', '--name', 'renamed', '--tag', 'b'])).exitCode).toBe(0)
  const listed = await json<{ name: string; tags: string[] }[]>(cwd, ['job', 'list', '--project', 'lifecycle'])
  expect(listed).toMatchObject([{ name: 'renamed', tags: ['b'] }])
  expect(await cli(cwd, ['job', 'stop'])).toMatchObject({ exitCode: 0, stderr: 'renamed had ended: failed\n' })
  expect(await cli(cwd, ['job', 'delete', 'renamed'])).toMatchObject({ exitCode: 0, stderr: 'Deleted renamed\n' })
  const gone = await cli(cwd, ['job', 'show', 'renamed'])
  expect(gone.exitCode).toBe(4)
  expect(gone.stderr).toContain('There is no job renamed.')
})

test('an empty list says how to fill it, and is still JSON for a script', async () => {
  const cwd = await aFolder()
  const flags = ['job', 'list', '--tag', 'nobody-has-it']
  expect(await cli(cwd, flags)).toEqual({
    exitCode: 0,
    stdout: '',
    stderr: 'No jobs. Submit one with: nabla run -- echo hello\n',
  })
  expect(await json(cwd, flags)).toEqual([])
})

test('tables fit the terminal', async () => {
  const cwd = await aFolder('a-project-with-a-long-name')
  await aJob(cwd, 'a-job-with-quite-a-long-name', `true ${'x'.repeat(150)}`)
  const line = async (columns: number): Promise<string> => {
    const { stdout } = await cli(cwd, ['job', 'list', '--name', 'a-job'], { columns, env: { NO_COLOR: '1' } })
    return stdout.split('\n').find((text) => text.includes('succeeded')) ?? ''
  }
  for (const columns of [60, 120]) {
    expect((await line(columns)).length).toBeLessThanOrEqual(columns)
    expect(await line(columns)).toContain('✔ succeeded')
  }
  expect(await line(60)).not.toContain('true xxx')
  expect(await line(120)).toContain('true xxx')
})

test('a clone is the same job with what was changed', async () => {
  const cwd = await aFolder()
  await writeFile(join(cwd, 'file'), 'content')
  await cli(cwd, ['run', '--name', 'original', '--env', 'A=1', '--env', 'B=2', '--', 'cat file; echo $A$B'])
  const original = await json<Job>(cwd, ['job', 'show', 'original'])
  const clone = await json<Job>(cwd, ['job', 'clone', '--env', 'B=3', '--name', 'copy'])
  expect(clone).toMatchObject({ parentJobId: original.id, name: 'copy' })
  await cli(cwd, ['job', 'wait', 'copy'])
  expect((await cli(cwd, ['job', 'logs', 'copy'])).stdout).toBe('content13\n')
  await json<Job>(cwd, ['job', 'clone', '--name', 'other', 'original', '--', 'echo', 'else'])
  await cli(cwd, ['job', 'wait', 'other'])
  expect((await cli(cwd, ['job', 'logs', 'other'])).stdout).toBe('else\n')
})

test('logs: all, a tail, one source, with times, as JSON, as they were written', async () => {
  const cwd = await aFolder()
  await aJob(cwd, 'talker', 'for i in 1 2 3; do echo out $i; done; sleep 0.3; echo err >&2; printf end')
  const logs = (...flags: string[]) => cli(cwd, ['job', 'logs', ...flags, 'talker'])
  expect(await logs()).toMatchObject({ stdout: 'out 1\nout 2\nout 3\nend', stderr: expect.stringContaining('err\n') })
  expect(await logs('--follow')).toMatchObject({ stdout: 'out 1\nout 2\nout 3\nend' })
  expect((await logs('--tail', '1', '--source', 'stdout')).stdout).toBe('end')
  expect(await logs('--grep', 'OUT')).toMatchObject({ stdout: 'out 1\nout 2\nout 3\n', exitCode: 0 })
  expect(await logs('--grep', 'out', '--tail', '2')).toMatchObject({ stdout: 'out 2\nout 3\n' })
  expect(await logs('--errors')).toMatchObject({ stdout: '', exitCode: 1 })
  expect(await logs('--source', 'stderr')).toMatchObject({ stdout: '', stderr: 'err\n' })
  expect((await logs('--timestamps')).stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d out 1\n/)
  expect((await logs('--raw', '--source', 'stdout')).stdout).toBe('out 1\nout 2\nout 3\nend')
  expect((await logs('--since', '2099-01-01')).stdout).toBe('')
  const lines = (await logs('--json')).stdout.trim().split('\n')
  const seqs = lines.map((line) => (JSON.parse(line) as { seq: number }).seq)
  expect(seqs).toEqual(lines.map((_, index) => index + 1))
})

test('a time is a length of time before now, or a date', () => {
  const now = Date.UTC(2026, 0, 1, 12)
  expect(toTime('10m', now)).toBe('2026-01-01T11:50:00.000Z')
  expect(toTime('2025-12-31T10:00:00Z', now)).toBe('2025-12-31T10:00:00.000Z')
  expect(() => toTime('yesterday', now)).toThrow('is no time')
})

test('artifacts are listed, fetched one by one, by pattern and all', async () => {
  const cwd = await aFolder()
  const line =
    'cd /artifacts; mkdir -p ckpt/deep; echo 1 > a.pt; echo 2 > ckpt/b.pt; echo 3 > ckpt/deep/c.txt; ln -s a.pt link; ln -s /etc/passwd out'
  await aJob(cwd, 'maker', line)
  const listed = await json<{ path: string; type: string }[]>(cwd, ['job', 'artifacts', 'list', 'maker'])
  expect(listed.filter(({ type }) => type === 'file').map(({ path }) => path)).toEqual([
    'a.pt',
    'ckpt/b.pt',
    'ckpt/deep/c.txt',
  ])
  expect((await cli(cwd, ['job', 'artifacts', 'get', 'maker', 'ckpt/b.pt', '--to', '-'])).stdout).toBe('2\n')
  await cli(cwd, ['job', 'artifacts', 'get', 'maker', 'ckpt/deep/c.txt'])
  expect(await readFile(join(cwd, 'c.txt'), 'utf8')).toBe('3\n')
  await cli(cwd, ['job', 'artifacts', 'download', '--to', 'some', 'maker', '*.pt'])
  expect((await readdir(join(cwd, 'some'), { recursive: true })).sort()).toEqual(['a.pt', 'ckpt', 'ckpt/b.pt'])
  const all = await cli(cwd, ['job', 'artifacts', 'download', 'maker'])
  expect(all.exitCode).toBe(0)
  const names = await readdir(join(cwd, 'maker-artifacts'), { recursive: true })
  expect(names).toEqual(expect.arrayContaining(['a.pt', 'link', 'ckpt/deep/c.txt', '.nablaignore']))
  expect(names).not.toContain('out')
  const missing = await cli(cwd, ['job', 'artifacts', 'get', 'maker', 'nope'])
  expect(missing.exitCode).toBe(4)
})

test('the files that a job began with are listed and printed', async () => {
  const cwd = await aFolder()
  await mkdir(join(cwd, 'src'))
  await writeFile(join(cwd, 'src/model.py'), 'pass\n')
  await cli(cwd, ['run', '--name', 'began', '--', 'rm -r src; touch new'])
  const paths = async (...more: string[]) =>
    (await json<{ path: string }[]>(cwd, ['job', 'workspace', 'began', ...more])).map(({ path }) => path)
  expect(await paths()).toContain('src')
  expect(await paths()).not.toContain('new')
  expect(await paths('src/')).toEqual(['src/model.py'])
  expect(await paths('--glob', 'model.*')).toEqual(['src/model.py'])
  expect((await cli(cwd, ['job', 'workspace', 'began', 'src/model.py'])).stdout).toBe('pass\n')
  expect((await cli(cwd, ['job', 'workspace', 'began', 'nope'])).exitCode).toBe(4)
})

test('downloaded artifacts do not go with the next job', async () => {
  const cwd = await aFolder()
  await cli(cwd, ['run', '--name', 'one', '--', 'echo big > /artifacts/big'])
  await cli(cwd, ['job', 'artifacts', 'download', 'one'])
  const ran = await cli(cwd, ['run', '--', 'find . -type f'])
  expect(ran.stdout).toBe('')
})

test('a reader that has seen enough ends it quietly', async () => {
  const cwd = await aFolder()
  await mkdir(join(cwd, 'bin'))
  await aJob(cwd, 'chatty', 'seq 300000')
  const program = resolve(import.meta.dirname, '../../../../bin/nabla')
  const script = `"${program}" job logs chatty | head -n 2; echo "\${PIPESTATUS[0]}"`
  const env = { ...server.env, PATH: process.env['PATH'], HOME: cwd }
  const ran = spawnSync('bash', ['-c', script], { cwd, env, encoding: 'utf8' })
  expect(ran).toMatchObject({ stdout: '1\n2\n141\n', stderr: '' })
})

test('shows what a job uses, at the width of the terminal, and what the machine does', async () => {
  const cwd = await aFolder('metrics')
  const line = 'text=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 4'
  const { id } = await aJob(cwd, 'measured', line)
  const table = await cli(cwd, ['job', 'metrics', 'measured'])
  expect(table.stdout).toMatch(/^SERIES +LAST +AVG +MAX +OF {2}\d/)
  expect(table.stdout).toMatch(/^memory .*[▁-█]/m)
  const narrow = await cli(cwd, ['job', 'metrics', id, '--series', 'cpu,memory'], { env: { COLUMNS: '60' } })
  const lines = narrow.stdout.trimEnd().split('\n')
  expect(lines.map((one) => one.split(' ')[0])).toEqual(['SERIES', 'cpu', 'memory'])
  expect(Math.max(...lines.map((one) => one.length))).toBeLessThanOrEqual(60)
  const range = await json<{ series: { name: string; max: number }[] }>(cwd, ['job', 'metrics', '--series', 'memory'])
  expect(range.series).toMatchObject([{ name: 'memory' }])
  expect(range.series[0]!.max).toBeGreaterThan(30_000_000)
  const followed = await cli(cwd, ['job', 'metrics', '--follow', 'measured', '--since', '1h'])
  expect(followed.exitCode).toBe(0)
  const unknown = await cli(cwd, ['job', 'metrics', '--series', 'nothing'])
  expect(unknown.stderr).toContain('There is no series "nothing"')
  expect((await cli(cwd, ['machine'])).stdout).toMatch(/^memory +█*·* +[\d.]+ [GM]iB of/m)
  expect((await json<{ cpu: { cores: number } }>(cwd, ['machine'])).cpu.cores).toBeGreaterThan(0)
})

test('two jobs are compared: how they went, what they were asked for, and their files', async () => {
  const cwd = await aFolder('jobs-compared')
  await writeFile(join(cwd, 'train.py'), 'lr = 1\n')
  const submit = async (name: string, rate: string, line: string) => {
    await cli(cwd, ['job', 'create', '--name', name, '--env', `LR=${rate}`, '--', line])
    await cli(cwd, ['job', 'wait', name])
  }
  await submit('one', '0.1', 'true')
  await writeFile(join(cwd, 'train.py'), 'lr = 2\n')
  await submit('two', '0.2', 'exit 3')
  const compare = (...more: string[]) => cli(cwd, ['job', 'compare', ...more])
  const { stdout, exitCode } = await compare('one', 'two')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^state +succeeded +failed$/m)
  expect(stdout).toMatch(/^exit code +0 +3$/m)
  expect(stdout).toMatch(/^command +true +exit 3$/m)
  expect(stdout).toMatch(/^env LR +0\.1 +0\.2$/m)
  expect(stdout).not.toMatch(/^project/m)
  expect(stdout).toMatch(/^changed +train\.py +7 B +7 B$/m)
  await submit('three', '0.2', 'true --data /data/imagenet --epochs 10 --batch 256')
  await submit('four', '0.2', 'true --data /data/imagenet --epochs 90 --batch 256')
  for (const columns of [50, 80]) {
    const narrow = await cli(cwd, ['job', 'compare', 'three', 'four'], { columns, env: { NO_COLOR: '1' } })
    expect(narrow.stdout).toMatch(/^command +… --epochs 10.* … --epochs 90/m)
    expect(Math.max(...narrow.stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(columns)
  }
  const same = await compare('two', 'two')
  expect(same.stderr).toContain('They were asked for alike, and went alike.')
  expect(same.stderr).toContain('They began with the same files.')
  const found = await json<{ jobs: Job[]; files: object }>(cwd, ['job', 'compare', 'one', 'two'])
  expect(found.jobs.map(({ name }) => name)).toEqual(['one', 'two'])
  expect(found.files).toMatchObject({ complete: true, items: [{ path: 'train.py', change: 'changed' }] })
  expect(await compare('one', 'nobody')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('nobody') })
})
