import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** Signs in as a page of the server does. */
async function signIn(credentials: object): Promise<{ status: number; cookie: string | null }> {
  const response = await fetch(`${server.url}/api/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify(credentials),
  })
  return { status: response.status, cookie: response.headers.get('set-cookie') }
}

const codeIn = (link: string): string => new URLSearchParams(new URL(link).hash.slice(1)).get('code') ?? ''

test('open prints a link where there is no screen; it signs in once', async () => {
  const ran = await runCli(['open'], { env: server.env })
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  const link = ran.stdout.trim()
  expect(link).toMatch(new RegExp(`^${server.url}/sign-in#code=[0-9a-z]{32}$`))
  expect((await signIn({ code: codeIn(link) })).status).toBe(200)
  expect((await signIn({ code: codeIn(link) })).status).toBe(403)
})

test('open leads to what was named', async () => {
  const made = await runCli(['job', 'create', '--workspace', 'none', '--name', 'shown', '--json', '--', 'true'], {
    env: server.env,
  })
  const { id, project } = JSON.parse(made.stdout) as { id: string; project: { id: string; name: string } }
  const pageOf = async (name: string) => {
    const { stdout } = await runCli(['open', name, '--print'], { env: server.env })
    return new URL(stdout.trim()).searchParams.get('next')
  }
  expect(await pageOf('shown')).toBe(`/jobs/${id}`)
  expect(await pageOf(project.name)).toBe(`/projects/${project.id}`)
  expect(await pageOf('/jobs?tag=a&b')).toBe('/jobs?tag=a&b')
  expect(await runCli(['open', 'nothing-like-it'], { env: server.env })).toMatchObject({ exitCode: 4 })
})

test('open starts the browser of a machine with a screen', async () => {
  const folder = await aFolder()
  await writeFile(join(folder, 'xdg-open'), '#!/bin/sh\nprintf %s "$1" > "$OUT"\n')
  await chmod(join(folder, 'xdg-open'), 0o755)
  const out = join(folder, 'opened')
  const env = { ...server.env, DISPLAY: ':7', PATH: `${folder}:/usr/bin:/bin`, OUT: out }
  expect(await runCli(['open'], { env })).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: expect.stringContaining('Opened') as string,
  })
  await vi.waitFor(async () => expect(await readFile(out, 'utf8')).toContain(`${server.url}/sign-in#code=`), {
    timeout: 15_000,
  })
  const without = await runCli(['open'], { env: { ...env, PATH: join(folder, 'nowhere') } })
  expect(without.stdout).toContain('/sign-in#code=')
})

test('a password is set from standard input and signs in', async () => {
  const set = (stdin: string) => runCli(['user', 'password'], { env: server.env, stdin })
  expect(await set('')).toMatchObject({ exitCode: 2 })
  expect(await set('too short\n')).toMatchObject({ exitCode: 2 })
  const ran = await set('correct horse battery\n')
  expect(ran).toMatchObject({ exitCode: 0, stdout: '' })
  expect(ran.stderr).not.toContain('correct horse')
  expect((await signIn({ name: 'admin', password: 'correct horse battery' })).status).toBe(200)
})
