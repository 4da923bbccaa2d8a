import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { aFolder, type RunOptions, runCli } from '../testing/run-cli.ts'
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

/** Uses only what `nabla login` has stored. */
const cli = (argv: string[], more: RunOptions = {}) =>
  runCli(argv, { cwd, ...more, env: { XDG_CONFIG_HOME: join(cwd, 'config'), ...more.env } })
const login = () => cli(['login', '--url', server.url, '--key', server.key])

test('login checks the key and keeps it for this user alone', async () => {
  expect(await login()).toMatchObject({
    exitCode: 0,
    stderr: expect.stringMatching(/Logged in to \S+ as admin, team main\./),
  })
  const file = join(cwd, 'config', 'nabla', 'config.json')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    current: server.url,
    servers: { [server.url]: { user: 'admin' } },
  })
  expect((await cli(['whoami'])).stdout).toMatch(
    /user +admin\nteam +main \(admin\)\nkey +first\nserver +\S+ \(the last login\)/,
  )
})

test('the key comes from standard input where there is no terminal', async () => {
  const ran = await cli(['login', '--url', server.url.replace('http://', '')], { stdin: `${server.key}\n` })
  expect(ran).toMatchObject({ exitCode: 0 })
  expect(ran.stdout + ran.stderr).not.toContain(server.key)
})

test('a wrong key, a wrong address and no key are told apart', async () => {
  const wrong = await cli(['login', '--url', server.url, '--key', 'nabla_00000000000000000000000000000000'])
  expect(wrong).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('error: ') })
  expect(await cli(['login', '--url', 'http://127.0.0.1:9', '--key', 'x'])).toMatchObject({ exitCode: 6 })
  expect(await cli(['login', '--url', 'ftp://x', '--key', 'x'])).toMatchObject({ exitCode: 2 })
  expect(await cli(['login', '--url', server.url])).toMatchObject({ exitCode: 2 })
  const without = await cli(['job', 'list', '--url', server.url])
  expect(without).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('nabla login') })
  await expect(stat(join(cwd, 'config'))).rejects.toThrow('ENOENT')
})

test('several logins are kept; logout goes back to another', async () => {
  await login()
  const other = server.url.replace('127.0.0.1', 'localhost')
  await cli(['login', '--url', other, '--key', server.key])
  expect(JSON.parse((await cli(['whoami', '--json'])).stdout)).toMatchObject({ url: other })
  expect(JSON.parse((await cli(['whoami', '--json', '--url', server.url])).stdout)).toMatchObject({ url: server.url })
  expect(await cli(['logout'])).toMatchObject({
    exitCode: 0,
    stderr: `Logged out of ${other}. Now using ${server.url}.\n`,
  })
  expect(await cli(['logout', '--url', other])).toMatchObject({ exitCode: 4 })
  expect(await cli(['logout'])).toMatchObject({ exitCode: 0, stderr: `Logged out of ${server.url}.\n` })
})

test('a damaged file says so', async () => {
  await writeFile(join(cwd, 'broken.json'), '{')
  const ran = await cli(['whoami'], { env: { NABLA_CONFIG: join(cwd, 'broken.json') } })
  expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is damaged') })
})

test('keys are made, listed and revoked; the environment goes before the login', async () => {
  await login()
  const made = await cli(['key', 'create', 'ci', '--expires-in-days', '30'])
  const key = made.stdout.trim()
  expect(key).toMatch(/^nabla_[0-9a-z]{32}$/)
  const env = { NABLA_URL: server.url, NABLA_API_KEY: key }
  expect(JSON.parse((await cli(['whoami', '--json'], { env })).stdout)).toMatchObject({ key: { name: 'ci' } })
  expect((await cli(['key', 'list'])).stdout).toMatch(/ci +nabla_\S*… +main/)
  expect(await cli(['key', 'revoke', 'ci'])).toMatchObject({ exitCode: 0, stderr: 'Revoked key ci\n' })
  expect(await cli(['whoami'], { env })).toMatchObject({ exitCode: 3 })
})

test('teams get members, who get a key and see what the team owns', async () => {
  await login()
  expect(await cli(['team', 'create', 'vision'])).toMatchObject({ exitCode: 0 })
  expect(await cli(['team', 'create', 'vision'])).toMatchObject({ exitCode: 5 })
  const made = await cli(['key', 'create', 'for-vision', '--team', 'vision'])
  const cliOf = (argv: string[]) => cli(argv, { env: { NABLA_URL: server.url, NABLA_API_KEY: made.stdout.trim() } })
  expect(await cliOf(['team', 'update', 'vision', '--storage-quota', '5GB'])).toMatchObject({ exitCode: 0 })
  const teams = JSON.parse((await cli(['team', 'list', '--json'])).stdout) as {
    name: string
    storageQuotaBytes: number
  }[]
  expect(teams.find(({ name }) => name === 'vision')?.storageQuotaBytes).toBe(5e9)
  expect(await cliOf(['team', 'update', 'vision', '--storage-quota', 'none'])).toMatchObject({ exitCode: 0 })
  const added = await cliOf(['team', 'add-member', 'vision', 'ada'])
  expect(added.stderr).toContain('ada is a member of the team.')
  const ada = { NABLA_URL: server.url, NABLA_API_KEY: added.stdout.trim() }
  expect((await cli(['whoami'], { env: ada })).stdout).toMatch(/user +ada\nteam +vision \(member\)/)
  expect(await cli(['team', 'create', 'mine'], { env: ada })).toMatchObject({ exitCode: 3 })
  expect((await cliOf(['team', 'members', 'vision'])).stdout).toMatch(/ada +member/)
  expect(await cliOf(['team', 'remove-member', 'vision', 'ada'])).toMatchObject({ exitCode: 0 })
  expect(await cli(['whoami'], { env: ada })).toMatchObject({ exitCode: 3 })
})

test('one acts in another team, and back, with keys that are kept', async () => {
  await login()
  await cli(['team', 'create', 'speech'])
  const team = async () =>
    (JSON.parse((await cli(['whoami', '--json'])).stdout) as { team: { name: string } }).team.name
  const keys = async () => (JSON.parse((await cli(['key', 'list', '--json'])).stdout) as unknown[]).length
  expect(await cli(['team', 'use', 'speech'])).toMatchObject({
    exitCode: 0,
    stderr: 'From here on you act in the team speech.\n',
  })
  expect(await team()).toBe('speech')
  const made = await keys()
  expect(await cli(['team', 'use', 'main'])).toMatchObject({ exitCode: 0 })
  expect(await cli(['team', 'use', 'speech'])).toMatchObject({ exitCode: 0 })
  expect([await team(), await keys()]).toEqual(['speech', made])
  expect((await cli(['team', 'use', 'speech'])).stderr).toBe('You act in the team speech.\n')
  expect((await stat(join(cwd, 'config', 'nabla', 'config.json'))).mode & 0o777).toBe(0o600)

  // A kept key that was revoked meanwhile is replaced.
  await cli(['team', 'use', 'main'])
  await cli(['key', 'revoke', hostname()])
  expect(await cli(['team', 'use', 'speech'])).toMatchObject({ exitCode: 0 })
  expect(await team()).toBe('speech')

  expect(await cli(['team', 'use', 'nobody'])).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('You belong to no team nobody.'),
  })
  expect(await cli(['team', 'use', 'main', '--key', server.key])).toMatchObject({ exitCode: 2 })
})

test('secrets are set from a flag, the environment and standard input, and never shown', async () => {
  await login()
  const ran = [
    await cli(['secret', 'set', 'A', '--value', 'value-1']),
    await cli(['secret', 'set', 'B', '--from-env', 'MINE'], { env: { MINE: 'value-2' } }),
    await cli(['secret', 'set', 'C'], { stdin: 'value-3\n' }),
    await cli(['secret', 'list']),
    await cli(['secret', 'list', '--json']),
  ]
  expect(ran.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0])
  expect(JSON.stringify(ran)).not.toContain('value-')
  expect((JSON.parse(ran[4]?.stdout ?? '') as { name: string }[]).map(({ name }) => name).sort()).toEqual([
    'A',
    'B',
    'C',
  ])
  expect(await cli(['secret', 'set', 'D'], { stdin: '' })).toMatchObject({ exitCode: 2 })
  expect(await cli(['secret', 'set', '1x', '--value', 'y'])).toMatchObject({ exitCode: 2 })
  expect(await cli(['secret', 'delete', 'A'])).toMatchObject({ exitCode: 0 })
  expect(await cli(['secret', 'delete', 'A'])).toMatchObject({ exitCode: 4 })
})

test('projects are made, noted in a folder, and deleted with what they hold', async () => {
  await login()
  expect(await cli(['project', 'create', 'paper', '--tag', 'x'])).toMatchObject({
    exitCode: 0,
    stderr: 'Made project paper\n',
  })
  expect(await cli(['project', 'init', 'paper'])).toMatchObject({ exitCode: 0 })
  expect((await cli(['project', 'show'])).stdout).toMatch(/name +paper\n/)
  await cli(['run', '--workspace', 'none', '--', 'echo x > /artifacts/x'])
  expect((await cli(['project', 'delete', 'paper', '--dry-run'])).stdout).toMatch(
    /would take with it: 1 job, .* of artifacts/,
  )
  expect(await cli(['project', 'delete', 'paper'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--yes'),
  })
  expect(await cli(['project', 'delete', 'paper', '--yes'])).toMatchObject({ exitCode: 0 })
  expect(await cli(['project', 'show', 'paper'])).toMatchObject({ exitCode: 4 })
  expect(await cli(['project', 'clear'])).toMatchObject({ exitCode: 0 })
  await expect(stat(join(cwd, '.nabla'))).rejects.toThrow('ENOENT')
})

test('events tell what happened, for all and for one', async () => {
  await login()
  await cli(['run', '--workspace', 'none', '--name', 'eventful', '--', 'true'])
  expect((await cli(['events', '--limit', '3'])).stdout).toContain('job.succeeded')
  const some = await cli(['events', 'eventful', '--json'])
  const types = (JSON.parse(some.stdout) as { type: string }[]).map(({ type }) => type)
  expect(types[0]).toBe('job.created')
  expect(types.at(-1)).toBe('job.succeeded')
})

test('events are followed across a restart of the server, until Ctrl-C', async () => {
  await login()
  let interrupt = (): void => {}
  const seen: string[] = []
  let restarted: Promise<unknown> | undefined
  const ran = await cli(['events', '--follow', '--json', '--limit', '1'], {
    onReady: (call) => (interrupt = call),
    onOutput(text, stream) {
      if (stream !== 'stdout') return
      seen.push(
        ...text
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { subject: string; type: string }).type),
      )
      restarted ??= server.restart('SIGKILL').then(() => cli(['project', 'create', 'while-followed']))
      if (seen.includes('project.created')) interrupt()
    },
  })
  await restarted
  expect(ran.exitCode).toBe(0)
})

test('doctor works with a server and without one', async () => {
  await login()
  const well = await cli(['doctor'])
  expect(well.stdout).toContain('You are admin, team main (admin)')
  const alone = await cli(['doctor', '--url', 'http://127.0.0.1:9', '--json'])
  expect(alone.exitCode).toBe(1)
  expect(JSON.parse(alone.stdout)).toMatchObject({
    findings: expect.arrayContaining([expect.objectContaining({ level: 'problem', topic: 'server' })]),
  })
})

test('completion of bash offers commands, flags, choices and names of the server', async () => {
  await login()
  await cli(['run', '--workspace', 'none', '--name', 'complete-me', '--', 'true'])
  await writeFile(join(cwd, 'a-file'), '')
  const complete = (line: string): string[] => {
    const words = line.split(' ')
    const script = `source <("$NABLA" completion bash)
      PATH=$(dirname "$NABLA"):$PATH
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length - 1}
      _nabla; printf '%s\\n' "\${COMPREPLY[@]}"`
    const env = {
      PATH: process.env['PATH'],
      HOME: cwd,
      XDG_CONFIG_HOME: join(cwd, 'config'),
      NABLA: join(import.meta.dirname, '../../../../bin/nabla'),
    }
    return execFileSync('bash', ['-c', script], { cwd, env, encoding: 'utf8' }).trim().split('\n')
  }
  expect(complete('nabla jo')).toEqual(['job'])
  expect(complete('nabla job l')).toEqual(['list', 'logs'])
  expect(complete('nabla job list --st')).toEqual(['--state'])
  expect(complete('nabla job list --state f')).toEqual(['failed'])
  expect(complete('nabla job show complete')).toEqual(['complete-me'])
  expect(complete('nabla completion z')).toEqual(['zsh'])
  expect(complete('nabla run --env-file a')).toEqual([''])
  expect(complete('nabla no-such ')).toEqual([''])
})

const hasFish = spawnSync('fish', ['--version']).status === 0

test.skipIf(!hasFish)('completion of fish offers the same, and files (skipped where there is no fish)', async () => {
  await login()
  await writeFile(join(cwd, 'vars.env'), '')
  const bin = join(import.meta.dirname, '../../../../bin')
  const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: cwd, XDG_CONFIG_HOME: join(cwd, 'config') }
  const complete = (line: string): string[] => {
    const script = `nabla completion fish | source; complete -C "${line}"`
    return execFileSync('fish', ['--no-config', '-c', script], { cwd, env, encoding: 'utf8' }).trim().split('\n')
  }
  expect(complete('nabla job l')).toEqual(['list\tShow jobs, newest first', 'logs\tShow the log of a job'])
  expect(complete('nabla run --env-file v')).toEqual(['vars.env'])
})

test('sessions are listed and ended', async () => {
  const headers = { 'content-type': 'application/json', origin: server.url, 'sec-fetch-site': 'same-origin' }
  const body = JSON.stringify({ key: server.key })
  await fetch(`${server.url}/api/v1/sessions`, { method: 'POST', headers, body })
  await login()
  const [session] = JSON.parse((await cli(['session', 'list', '--json'])).stdout) as { id: string }[]
  expect((await cli(['session', 'list'])).stdout).toContain(session!.id)
  expect(await cli(['session', 'end', session!.id])).toMatchObject({ exitCode: 0 })
  expect(await cli(['session', 'end', session!.id])).toMatchObject({ exitCode: 4 })
})
