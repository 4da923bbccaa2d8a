import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'

let server: TestServer
let port: number
const name = 'serving'

const folder = mkdtempSync(join(tmpdir(), 'nabla-exec-'))

const cli = (argv: string[], more: Parameters<typeof runCli>[1] = {}) =>
  runCli(argv, { cwd: folder, ...more, env: { ...server.env, ...more.env } })

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port: free } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return free
}

beforeAll(async () => {
  server = await startServer()
  port = await freePort()
  const command = `echo index > index.txt; exec python3 -m http.server ${port} --bind 127.0.0.1`
  const created = await cli([
    'job',
    'create',
    '--workspace',
    'none',
    '--name',
    name,
    '--port',
    `${port}`,
    '--',
    command,
  ])
  expect(created).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('job logs') })
  await cli(['job', 'wait', name, '--state', 'running'])
}, 60_000)
afterAll(async () => {
  // It would run on without the server.
  await cli(['job', 'stop', name, '--grace', '0s'])
  await cli(['job', 'wait', name])
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a program runs in a job: output, errors, input and exit code are its own', async () => {
  await expect
    .poll(async () => (await cli(['exec', name, '--', 'cat', 'index.txt'])).stdout, { timeout: 30_000 })
    .toBe('index\n')
  const script = 'echo out; echo err >&2; read line; echo "got $line and $MORE"; exit 9'
  const ran = await cli(['exec', '-e', 'MORE=more', name, '--', 'sh', '-c', script], { stdin: 'a line\n' })
  expect(ran).toEqual({ exitCode: 9, stdout: 'out\ngot a line and more\n', stderr: 'err\n' })
  const missing = await cli(['exec', name, '--', 'no-such-program'])
  expect([missing.exitCode, missing.stderr]).toEqual([
    1,
    expect.stringContaining('there is no program no-such-program'),
  ])
  expect((await cli(['exec', 'nobody', '--', 'ls'])).exitCode).toBe(4)
  const terminal = await cli(['exec', '--tty', name, '--', 'stty', 'size'], { columns: 77 })
  expect(terminal.stdout).toBe('24 77\r\n')
})

test('a port has an address that a browser and a program can use', async () => {
  const shown = await cli(['job', 'show', name])
  expect(shown.stdout).toMatch(new RegExp(`ports +${port} at http://j\\w+-${port}\\.localhost:\\d+/\n`))
  const printed = await cli(['job', 'open', name, '--print'])
  expect(printed.stdout).toMatch(/^http:\/\/j\w+-\d+\.localhost:\d+\/\.nabla\/enter\?ticket=\w+\n$/)
  const link = await cli(['--json', 'job', 'open', name, String(port)])
  const { address, token } = JSON.parse(link.stdout) as { address: string; token: string }
  const sent = request({
    host: '127.0.0.1',
    port: new URL(address).port,
    path: '/index.txt',
    headers: { host: new URL(address).host, authorization: `Bearer ${token}` },
  })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  expect(await text(answer)).toBe('index\n')
  const wrong = await cli(['job', 'open', name, '1234'])
  expect([wrong.exitCode, wrong.stderr]).toEqual([4, expect.stringContaining(`Its ports: ${port}.`)])
})

test('a port can be reached at a port of this machine, until Ctrl-C', async () => {
  const local = await freePort()
  const ready = Promise.withResolvers<void>()
  let interrupt = () => {}
  const running = cli(['job', 'forward', name, `${port}:${local}`], {
    onReady: (handler) => (interrupt = handler),
    onOutput: (said) => said.includes('Ctrl-C') && ready.resolve(),
  })
  await ready.promise
  expect(await (await fetch(`http://127.0.0.1:${local}/index.txt`)).text()).toBe('index\n')
  interrupt()
  expect((await running).exitCode).toBe(0)
})
