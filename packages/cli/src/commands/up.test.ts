import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'

const program = resolve(import.meta.dirname, '../../../../bin/nabla')

async function up(...flags: string[]): Promise<{ child: ChildProcess; url: string; key: string | null }> {
  const home = await aFolder()
  const env = { PATH: process.env['PATH'], HOME: home }
  const child = spawn(program, ['up', '--json', '--port', '0', ...flags], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, ...(JSON.parse(line) as { url: string; key: string | null }) }
}

test('starts a server, gives a key once, and stops cleanly at Ctrl-C', async () => {
  const data = join(await aFolder(), 'data')
  const first = await up('--data', data)
  expect(first.key).toMatch(/^nabla_/)
  const env = { NABLA_URL: first.url, NABLA_API_KEY: first.key ?? '' }
  expect((await runCli(['whoami'], { env })).exitCode).toBe(0)
  first.child.kill('SIGINT')
  expect(await once(first.child, 'exit')).toEqual([0, null])
  const again = await up('--data', data)
  expect(again.key).toBe(null)
  again.child.kill('SIGTERM')
  expect(await once(again.child, 'exit')).toEqual([0, null])
})

test('says what is in the way: a port, a data folder, a setting, a settings file', async () => {
  const folder = await aFolder()
  const data = join(folder, 'data')
  const { url } = await up('--data', data)
  const fail = async (...flags: string[]): Promise<string> => {
    const ran = await runCli(['up', ...flags], { cwd: folder, env: { HOME: folder } })
    expect(ran.exitCode).toBeGreaterThan(0)
    return ran.stderr.split('\n')[0] ?? ''
  }
  const port = new URL(url).port
  expect(await fail('--data', 'other', '--port', port)).toBe(`error: Port ${port} is taken.`)
  expect(await fail('--data', 'data', '--port', '0')).toContain('data')
  expect(await fail('--data', 'other', '--database', 'mysql://x')).toContain('database')
  expect(await fail('--config', 'nope.yaml')).toBe('error: The file nope.yaml cannot be read (ENOENT).')
  await writeFile(join(folder, 'broken.yaml'), 'a: [')
  expect(await fail('--config', 'broken.yaml')).toContain('is no YAML')
  await writeFile(join(folder, 'unknown.yaml'), 'colour: red\n')
  expect(await fail('--config', 'unknown.yaml', '--data', 'other')).toContain('setting')
})

test('bin/nabla works through links, finds its own Node, and says when there is none', async () => {
  const folder = await aFolder()
  await symlink(program, join(folder, 'one'))
  await symlink('one', join(folder, 'nabla'))
  const run = (file: string, path: string) =>
    spawnSync(file, ['--version'], { cwd: '/', encoding: 'utf8', env: { PATH: path, HOME: folder } })
  expect(run(join(folder, 'nabla'), '/usr/bin:/bin')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d/) })
  // A copy beside no node_modules has only what the PATH offers.
  await mkdir(join(folder, 'bin'))
  await copyFile(program, join(folder, 'bin', 'nabla'))
  await mkdir(join(folder, 'old'))
  await writeFile(join(folder, 'old', 'node'), '#!/bin/sh\necho v20.1.0\n', { mode: 0o755 })
  const old = run(join(folder, 'bin', 'nabla'), `${join(folder, 'old')}:/usr/bin:/bin`)
  expect(old.status).toBe(1)
  expect(old.stderr).toContain('nabla needs Node 24 or newer. The one on your PATH is v20.1.0.')
})
