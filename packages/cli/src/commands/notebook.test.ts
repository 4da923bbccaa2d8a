import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Notebook } from '@nabla/api/notebook'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const cli = (cwd: string, argv: string[]) => runCli(['notebook', ...argv], { cwd, env: server.env })

const json = async <T>(cwd: string, argv: string[]): Promise<T> =>
  JSON.parse((await cli(cwd, [...argv, '--json'])).stdout) as T

test('a notebook is made of a folder, looked into, forked, changed and deleted, without being started', async () => {
  const cwd = await aFolder('digits')
  await writeFile(join(cwd, 'train.ipynb'), '{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
  const line = ['create', '--no-start', '--name', 'digits', '--workspace', '.', '--package', 'numpy>=2', '--env', 'A=b']
  const made = await cli(cwd, [...line, '--idle-limit', '2h', '--tag', 'demo'])
  expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^digits {2}n[0-9a-z]{16}\n$/) })
  expect(made.stderr).toContain('nabla notebook start digits')
  const shown = await cli(cwd, ['show', 'digits'])
  expect(shown.stdout).toMatch(/state +■ stopped[^]*packages +numpy>=2[^]*idle limit +2 h/)
  expect((await cli(cwd, ['list', '--tag', 'demo'])).stdout).toMatch(/digits +■ stopped/)
  expect((await cli(cwd, ['files', 'digits'])).stdout).toContain('train.ipynb')
  expect((await cli(cwd, ['get', 'digits', 'train.ipynb', '--to', 'copy.ipynb'])).exitCode).toBe(0)
  expect(await readFile(join(cwd, 'copy.ipynb'), 'utf8')).toContain('nbformat')
  expect((await cli(cwd, ['get', 'digits', 'train.ipynb', '--to', '-'])).stdout).toContain('nbformat')

  const fork = await json<Notebook>(cwd, ['fork', 'digits'])
  expect(fork).toMatchObject({
    name: 'digits-fork',
    state: 'stopped',
    spec: { packages: ['numpy>=2'], env: { A: 'b' } },
  })
  const update = ['update', 'digits-fork', '--name', 'other', '--no-idle-limit', '--time-limit', '1h', '--no-packages']
  const changed = await json<Notebook>(cwd, update)
  expect(changed).toMatchObject({
    name: 'other',
    spec: { idleLimitSeconds: null, timeLimitSeconds: 3600, packages: [] },
  })

  const { stdout: token } = await cli(cwd, ['token', 'digits'])
  expect((await cli(cwd, ['token', 'digits', '--address'])).stdout).toMatch(
    new RegExp(`:${new URL(server.url).port}/programs/n\\w{16}/\\?token=${token.trim()}$`, 'm'),
  )
  expect((await cli(cwd, ['versions', 'digits'])).stderr).toContain('No versions.')
  expect((await cli(cwd, ['packages', 'digits'])).stderr).toContain('Nothing was installed.')
  expect((await cli(cwd, ['rebuild', 'digits'])).exitCode).toBe(0)
  const refused = await cli(cwd, ['share', 'digits'])
  expect(refused.stderr).toContain('has no saved version yet')
  expect(refused.exitCode).not.toBe(0)
  expect((await cli(cwd, ['extend', 'digits'])).stderr).toContain('there is nothing to extend')
  expect((await cli(cwd, ['run', 'other', '--file', 'nope.ipynb'])).stderr).toContain('nope.ipynb')
  expect((await cli(cwd, ['run', 'other', '-p', 'wrong'])).stderr).toContain('name=value')
  expect((await cli(cwd, ['delete', 'digits', 'other'])).exitCode).toBe(0)
  expect((await cli(cwd, ['list'])).stderr).toContain('No notebooks.')
})
