import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const cli = (cwd: string, argv: string[], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(argv, { cwd, ...more, env: { ...server.env, ...more.env } })

test('sends the folder, shows both streams, keeps artifacts and exits as the job did', async () => {
  const cwd = await aFolder('digits')
  await writeFile(join(cwd, 'train.sh'), 'cat data.txt; echo problem >&2; echo model > /artifacts/model.txt; exit 7\n')
  await writeFile(join(cwd, 'data.txt'), 'some data\n')
  const ran = await cli(cwd, ['run', '--', 'sh', 'train.sh'])
  expect(ran).toMatchObject({ exitCode: 7, stdout: 'some data\n' })
  expect(ran.stderr).toContain('problem\n')
  expect(ran.stderr).toContain('Workspace: 2 files, ')
  expect(ran.stderr).toMatch(/Job \S+ in project digits/)
  expect(ran.stderr).toMatch(/✖ failed · exit code 7 · \d/)
  const [, fetch] = /Get them with:\n {2}nabla (job artifacts download \S+)/.exec(ran.stderr) ?? []
  await cli(cwd, [...(fetch ?? '').split(' '), '--to', 'results'])
  expect(await readFile(join(cwd, 'results', 'model.txt'), 'utf8')).toBe('model\n')
})

test('notes the project once, says so, and remembers the last job', async () => {
  const cwd = await aFolder('moon')
  const first = await cli(cwd, ['run', '--', 'echo', 'one'])
  expect(first.stderr).toContain('Jobs of this folder belong to the project moon (.nabla/project.json).')
  expect(JSON.parse(await readFile(join(cwd, '.nabla', 'project.json'), 'utf8'))).toEqual({ project: 'moon' })
  const second = await cli(cwd, ['run', '--', 'echo', 'two'])
  expect(second.stderr).not.toContain('Jobs of this folder')
  expect(await cli(cwd, ['job', 'logs'])).toMatchObject({ exitCode: 0, stdout: 'two\n' })
})

test('the project comes from --project, else our file, else that of older clients, else the folder', async () => {
  const cwd = await aFolder('folder')
  const projectOf = async (...flags: string[]): Promise<string> => {
    const ran = await cli(cwd, [
      'run',
      '--no-init',
      '--workspace',
      'none',
      '--json',
      '--detach',
      ...flags,
      '--',
      'true',
    ])
    return (JSON.parse(ran.stdout) as { project: { name: string } }).project.name
  }
  expect(await projectOf()).toBe('folder')
  await mkdir(join(cwd, '.ps_project'))
  await writeFile(join(cwd, '.ps_project', 'config.json'), '{"project":"older","lastJobId":"j1"}')
  expect(await projectOf()).toBe('older')
  await mkdir(join(cwd, '.nabla'))
  await writeFile(join(cwd, '.nabla', 'project.json'), '{"project":"ours"}')
  expect(await projectOf()).toBe('ours')
  expect(await projectOf('--project', 'named')).toBe('named')
})

test('a folder without a name and a folder that is everything are refused', async () => {
  expect(await cli('/', ['run', '--', 'true'])).toMatchObject({ exitCode: 2 })
  const named = await cli('/', ['run', '--project', 'p', '--', 'true'])
  expect(named).toMatchObject({ exitCode: 2 })
  expect(named.stderr).toContain('The whole machine is no workspace.')
  const home = await aFolder('home')
  const ran = await cli(home, ['run', '--no-init', '--detach', '--', 'true'], { env: { HOME: home } })
  expect(ran.stderr).toContain('warning: the project is named after your home folder')
})

test('variables come from a file, from here, from the line and from secrets', async () => {
  const cwd = await aFolder('vars')
  await cli(cwd, ['secret', 'set', 'TOKEN', '--value', 'hidden-1'])
  await writeFile(join(cwd, 'vars.env'), '# a comment\nA=file\nB="from file"\n')
  const line = 'echo "$A|$B|$C|$D|$E"'
  const flags = ['--env-file', 'vars.env', '--env', 'A=line', '-e', 'C', '--secret', 'D=TOKEN', '--env', 'E=x=y']
  const ran = await cli(cwd, ['run', ...flags, '--', line], { env: { C: 'here' } })
  // The value of a secret is masked in the log.
  expect(ran.stdout).toMatch(/^line\|from file\|here\|[^|]+\|x=y\n$/)
  expect(ran.stdout).not.toContain('hidden-1')
  const unset = await cli(cwd, ['run', '--env', 'NOPE', '--', 'true'])
  expect(unset).toMatchObject({ exitCode: 2 })
  expect(unset.stderr).toContain('The variable NOPE is not set here.')
})

test('words are passed on as they are, a single one is a shell line', async () => {
  const cwd = await aFolder()
  const run = (...words: string[]) => cli(cwd, ['run', '--workspace', 'none', ...words])
  expect((await run('--', 'printf', '%s\\n', "it's", 'a  b', '$HOME')).stdout).toBe("it's\na  b\n$HOME\n")
  expect((await run('--', 'echo one | tr o 0')).stdout).toBe('0ne\n')
  expect((await run('printf', '%s ', '--json', '--', '-q')).stdout).toBe('--json -- -q ')
})

test('--json prints one value a line, and writes nothing into the folder', async () => {
  const cwd = await aFolder()
  const ran = await cli(cwd, ['run', '--json', '--', 'echo out; echo err >&2'])
  const values = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { job?: { state: string }; log?: { source: string; text: string; seq: number } })
  expect(values[0]?.job?.state).toBe('pending')
  expect(values.at(-1)?.job?.state).toBe('succeeded')
  const logs = values.flatMap(({ log }) => (log ? [log] : []))
  expect(logs.map(({ seq }) => seq)).toEqual(logs.map((_, index) => index + 1))
  expect(logs.map(({ source, text }) => `${source}: ${text}`).sort()).toEqual(['stderr: err', 'stdout: out'])
  expect(ran.stderr).toBe('')
  await expect(stat(join(cwd, '.nabla'))).rejects.toThrow('ENOENT')
})

test('what is wrong is refused before anything is sent', async () => {
  const cwd = await aFolder()
  const refuse = async (...flags: string[]): Promise<string> => {
    // Nothing listens there: a request would be another error.
    const ran = await runCli(['run', ...flags], { cwd, env: { NABLA_URL: 'http://127.0.0.1:9' } })
    expect(ran.exitCode).toBe(2)
    return ran.stderr.split('\n')[0] ?? ''
  }
  expect(await refuse('--port', '80', '--', 'x')).toMatch(/^error: --port cannot be used: /)
  expect(await refuse('--env', '1A=x', '--', 'x')).toMatch(/^error: The variable 1A cannot be used: /)
  expect(await refuse('--working-dir', '../x', '--', 'x')).toMatch(/^error: --working-dir cannot be used: /)
  expect(await refuse('--time-limit', 'soon', '--', 'x')).toBe('error: --time-limit: "soon" is not a length of time.')
  expect(await refuse('--retry-on', 'never', '--', 'x')).toBe('error: --retry-on cannot be "never".')
  expect(await refuse('--workspace', 'nowhere', '--', 'x')).toBe('error: There is no folder or archive nowhere.')
  expect(await refuse()).toBe('error: There is no command to run.')
})

test('what the server refuses of a job is told with the flag that it came from', async () => {
  const cwd = await aFolder('refused')
  await writeFile(join(cwd, 'small.txt'), 'small\n')
  const refuse = async (...flags: string[]): Promise<string> => {
    const ran = await cli(cwd, ['run', '--project', 'refused', ...flags, '--', 'true'])
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' })
    return ran.stderr
  }
  for (const files of ['none', '.']) {
    expect(await refuse('--workspace', files, '--tag', '')).toMatch(/^error: --tag cannot be used: /m)
    expect(await refuse('--workspace', files, '--name', 'x'.repeat(500))).toMatch(/^error: --name cannot be used: /m)
    expect(await refuse('--workspace', files, '--dataset', 'a/b')).toMatch(/^error: --dataset cannot be used: /m)
  }
  const projects = await cli(cwd, ['project', 'list', '--json'])
  expect((JSON.parse(projects.stdout) as { name: string }[]).map(({ name }) => name)).not.toContain('refused')
})

test('a job is checked before much is sent, and before the project is noted', async () => {
  const cwd = await aFolder('checked')
  await writeFile(join(cwd, 'large.bin'), randomBytes(2_000_000))
  const large = await cli(cwd, ['run', '--project', 'checked', '--tag', '', '--', 'true'])
  expect(large).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('error: --tag cannot be used: ') })
  const sent = await cli(cwd, ['run', '--project', 'checked', '--', 'true'])
  expect(sent.stderr).toContain('Sent 1 of 1 file (2.0 MB of 2.0 MB).')
  expect(await cli(cwd, ['run', '--tag', '', '--', 'true'])).toMatchObject({ exitCode: 2 })
  await expect(stat(join(cwd, '.nabla'))).rejects.toThrow('ENOENT')
})

test('a job that cannot run exits with 125 or 127 and says why', async () => {
  const cwd = await aFolder()
  const unknown = await cli(cwd, ['run', '--workspace', 'none', '--', 'no-such-command-here'])
  expect(unknown.exitCode).toBe(127)
  expect(unknown.stderr).toContain('not found')
  const type = await cli(cwd, ['run', '--workspace', 'none', '--machine-type', 'huge', '--', 'true'])
  expect(type.exitCode).toBe(2)
  expect(type.stderr).toContain('There is no machine type huge here.')
  const image = await cli(cwd, ['run', '--workspace', 'none', '--image', 'python:3', '--', 'true'])
  expect(image.exitCode).toBe(2)
  expect(image.stderr).toContain('--image')
})

test('files arrive as they are: contents, modes, links, empty folders, odd names', async () => {
  const cwd = await aFolder()
  const content = randomBytes(40_000_000)
  await writeFile(join(cwd, 'data.bin'), content)
  await mkdir(join(cwd, 'deep', 'empty'), { recursive: true })
  await writeFile(join(cwd, 'deep', 'ünï cödé ✓'), 'é')
  await writeFile(join(cwd, 'run.sh'), '#!/bin/sh\nsha256sum < data.bin\n', { mode: 0o755 })
  await symlink('deep/ünï cödé ✓', join(cwd, 'link'))
  const line = './run.sh; cat link; find . -type d -empty; test ! -x data.bin && echo plain'
  const ran = await cli(cwd, ['run', '--', line], { columns: 100, env: { NO_COLOR: '1' } })
  expect(ran.stderr).toMatch(/Uploading ━*╌* +\d+% {2}[\d.]+ k?M?B of 40\.0 MB/)
  expect(ran.stderr).toContain('Sent 3 of 3 files (40.0 MB of 40.0 MB).')
  const digest = createHash('sha256').update(content).digest('hex')
  expect(ran.stdout).toBe(`${digest}  -\né./deep/empty\nplain\n`)
  const again = await cli(cwd, ['run', '--', 'cat link'])
  expect(again.stdout).toBe('é')
  expect(again.stderr).toContain('Sent nothing: the server has all of it.')
})

test('a machine type or an image that is not there is refused before the files are sent', async () => {
  const cwd = await aFolder()
  await writeFile(join(cwd, 'a'), 'x')
  const type = await cli(cwd, ['run', '--machine-type', 'huge', '--', 'true'])
  expect(type.exitCode).toBe(2)
  expect(type.stderr).toMatch(/^error: There is no machine type huge here\. There are: C1/)
  const image = await cli(cwd, ['run', '--image', 'python:3', '--', 'true'])
  expect(image.exitCode).toBe(2)
  expect(image.stderr).toMatch(/^error: The machine type C1 runs jobs on the machine itself\./)
  await expect(stat(join(cwd, '.nabla'))).rejects.toThrow('ENOENT')
})

test('--dry-run shows what would travel and submits nothing', async () => {
  const cwd = await aFolder('dry')
  await writeFile(join(cwd, 'train.py'), 'x')
  const ran = await cli(cwd, ['run', '--dry-run', '--', 'true'])
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  expect(ran.stdout).toContain(`1 file, 1 B would go from ${cwd}\nThe server lacks 1 B, in 1 file.\n`)
  expect((await cli(cwd, ['job', 'create', '--dry-run', '--', 'true'])).stdout).toBe(ran.stdout)
  await expect(stat(join(cwd, '.nabla'))).rejects.toThrow('ENOENT')
  const none = await cli(cwd, ['run', '--dry-run', '--workspace', 'none', '--', 'true'])
  expect(none).toMatchObject({ exitCode: 2 })
  expect(none.stderr).toContain('no files would travel')
})

test('an archive is sent as it is', async () => {
  const cwd = await aFolder()
  const { create } = await import('tar')
  await writeFile(join(cwd, 'hello.txt'), 'from an archive\n')
  await create({ cwd, file: join(cwd, 'code.tar.gz'), gzip: true }, ['hello.txt'])
  const ran = await cli(cwd, ['run', '--workspace', 'code.tar.gz', '--', 'cat hello.txt; ls | wc -l'])
  expect(ran.stdout).toBe('from an archive\n1\n')
})

test('Ctrl-C asks the job to stop and shows how it ended', async () => {
  const cwd = await aFolder()
  let interrupt = (): void => {}
  const ran = await cli(
    cwd,
    ['run', '--workspace', 'none', '--', "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.1; done"],
    {
      onReady: (call) => (interrupt = call),
      onOutput: (text) => text.includes('ready') && interrupt(),
    },
  )
  expect(ran.exitCode).toBe(130)
  expect(ran.stdout).toBe('ready\nbye\n')
  expect(ran.stderr).toContain('Stopping the job. Press Ctrl-C again to leave without waiting for it.')
  expect(ran.stderr).toContain('■ cancelled')
})

test('with --detach-on-interrupt, Ctrl-C leaves the job running', async () => {
  const cwd = await aFolder()
  let interrupt = (): void => {}
  const ran = await cli(cwd, ['run', '--workspace', 'none', '--detach-on-interrupt', '--', 'echo ready; sleep 600'], {
    onReady: (call) => (interrupt = call),
    onOutput: (text) => text.includes('ready') && interrupt(),
  })
  expect(ran.exitCode).toBe(130)
  expect(ran.stderr).toContain('The job goes on. See it with: nabla job logs --follow')
  const shown = await cli(cwd, ['job', 'show', '--json'])
  expect(JSON.parse(shown.stdout)).toMatchObject({ state: 'running' })
  expect(await cli(cwd, ['job', 'stop', '--grace', '0s'])).toMatchObject({ exitCode: 0 })
  expect(await cli(cwd, ['job', 'wait'])).toMatchObject({ exitCode: 130 })
})

test('follows on when the server is killed and comes back: no line lost, none twice', async () => {
  const cwd = await aFolder()
  let restarted: Promise<void> | undefined
  const ran = await cli(
    cwd,
    ['run', '--workspace', 'none', '--', 'for i in $(seq 60); do echo line $i; sleep 0.05; done'],
    {
      onOutput: (text) => {
        if (text.includes('line 10\n')) restarted ??= server.restart('SIGKILL')
      },
    },
  )
  await restarted
  expect(ran.stdout).toBe(Array.from({ length: 60 }, (_, index) => `line ${index + 1}\n`).join(''))
  expect(ran.exitCode).toBe(0)
  expect(ran.stderr).toContain('The server does not answer; the job goes on. Trying again…')
  expect(ran.stderr).toContain('The server is back.')
})

test('on a terminal it shows what the job does in one line that goes away', async () => {
  const cwd = await aFolder()
  const ran = await cli(cwd, ['run', '--workspace', 'none', '--', 'sleep 0.3; echo done'], { columns: 60 })
  expect(ran.stderr).toContain('◌ waiting')
  const last = ran.stderr.split('\r\u001b[2K').at(-1) ?? ''
  expect(last).toMatch(/succeeded/)
  expect(ran.stdout).toBe('done\n')
})
