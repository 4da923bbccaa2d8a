import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'

const program = resolve(import.meta.dirname, '../../../../bin/nabla')

/** A server as a process of its own, with the engine that pretends. */
async function up(data: string): Promise<{ child: ChildProcess; url: string; key: string | null }> {
  const env = { PATH: process.env['PATH'], HOME: await aFolder() }
  const child = spawn(program, ['up', '--json', '--port', '0', '--engine', 'fake', '--data', data], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, ...(JSON.parse(line) as { url: string; key: string | null }) }
}

test('backs up a server that runs, checks it, and restores it elsewhere', async () => {
  const folder = await aFolder()
  const [data, other] = [join(folder, 'data'), join(folder, 'other')]
  const { url, key } = await up(data)
  const env = { NABLA_URL: url, NABLA_API_KEY: key ?? '', HOME: folder }
  await writeFile(join(folder, 'hello.txt'), 'hello')
  await writeFile(join(folder, 'nabla.yaml'), 'logLevel: info\n')
  const run = (...argv: string[]) => runCli(argv, { cwd: folder, env })
  expect((await run('storage', 'put', 'hello.txt')).exitCode).toBe(0)
  expect((await run('secret', 'set', 'TOKEN', '--value', 'hush')).exitCode).toBe(0)

  const settings = ['--data', 'data', '--config', 'nabla.yaml']
  expect(await run('backup', '--check', 'safe', ...settings)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is no finished backup'),
  })
  const first = await run('backup', 'safe', ...settings)
  expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✔ Backed up to') })
  expect(JSON.parse((await run('backup', 'safe', ...settings, '--json')).stdout)).toMatchObject({ leftOut: 0 })
  expect(await run('backup', 'safe', ...settings, '--keep', '1')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/2 old backups deleted, .* freed, 1 kept/),
  })
  expect(await run('backup', 'safe', ...settings, '--keep', '0')).toMatchObject({ exitCode: 2 })
  expect(await run('backup', '--check', 'safe')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('whole'),
  })
  expect(await run('backup', 'data/inside', ...settings)).toMatchObject({ exitCode: 1 })

  const refused = await run('restore', 'safe', '--data', 'data')
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There is something in the folder') })
  const restored = await run('restore', 'safe', '--data', 'other')
  expect(restored).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nabla up --data') })
  expect(await readFile(join(other, 'settings-of-backup.yaml'), 'utf8')).toBe('logLevel: info\n')
  const again = await up(other)
  expect(again.key).toBe(null)
  const there = { ...env, NABLA_URL: again.url }
  const got = await runCli(['storage', 'get', 'hello.txt', '--to', '-'], { cwd: folder, env: there })
  expect(got).toMatchObject({ exitCode: 0, stdout: 'hello' })
  expect((await runCli(['secret', 'list'], { env: there })).stdout).toContain('TOKEN')
  expect((await readdir(folder)).filter((name) => name.endsWith('.restoring'))).toEqual([])
}, 60_000)

test('says what is missing for a bucket', async () => {
  const folder = await aFolder()
  const ran = await runCli(['backup', 's3://bucket/x', '--data', 'data'], { cwd: folder, env: { HOME: folder } })
  expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('NABLA_S3_ENDPOINT') })
})
