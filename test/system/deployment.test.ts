import { Agent, request as httpRequest } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type ServerProcess, startServerProcess, until } from './support/server-process.ts'
import { startNabla } from './support/sync-client.ts'

/** Says who answered. It is ready only after a moment, and says so itself. */
const app = `
import json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
began = time.monotonic()
class App(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.answer({})
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length']))
        self.answer({'sum': sum(json.loads(body))})
    def answer(self, more):
        if self.path == '/crash':
            os._exit(3)
        ready = time.monotonic() - began > 0.3
        told = {'color': os.environ['COLOR'], 'instance': os.environ['NABLA_INSTANCE_NAME'], **more}
        text = json.dumps(told).encode()
        self.send_response(200 if ready else 503)
        self.send_header('content-length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *args):
        pass
print('listening for ' + os.environ['COLOR'], flush=True)
ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), App).serve_forever()
`

const command = 'exec python3 -c "$APP"'

interface Told {
  color: string
  instance: string
  sum?: number
}

test('requests go on through updates, crashes and kill -9 of the server', async () => {
  const server = await startServerProcess()
  const created = await server.client.deployment.create({
    body: {
      name: 'colors',
      project: 'web',
      command,
      env: { APP: app, COLOR: 'red' },
      machineType: 'C1',
      healthChecks: { readiness: { path: '/', periodSeconds: 0.5 } },
      drainSeconds: 5,
    },
  })
  expect(created.state).toBe('starting')
  const running = await settled(server)
  expect(running).toMatchObject({ state: 'running', serving: 1, rollout: null, instances: { wanted: 1, ready: 1 } })
  expect(await ask(server, '/')).toMatchObject({ status: 200, told: { color: 'red' } })
  const sum = await ask(server, '/', '[1, 2, 3]')
  expect(sum).toMatchObject({ status: 200, told: { color: 'red', sum: 6 } })

  await rollsWithoutFailure(server)
  await keepsWhatServes(server)
  await comesBack(server)
  await survivesKill(server)

  await servesModel(server)

  await server.client.deployment.stop({ deployment: 'colors' })
  expect((await settled(server)).state).toBe('stopped')
  expect(await ask(server, '/')).toMatchObject({ status: 503, code: 'no_instance' })
})

/** Two clients ask all the time, with connections that are kept, while another revision takes over. */
async function rollsWithoutFailure(server: ServerProcess): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  const answers: string[] = []
  let going = true
  const client = async () => {
    while (going) {
      const { status, told } = await ask(server, '/', undefined, agent)
      answers.push(status === 200 ? told.color : `failed: ${status}`)
      await pause(2)
    }
  }
  const clients = [client(), client()]
  const next = await server.client.deployment.update({
    deployment: 'colors',
    body: { env: { APP: app, COLOR: 'green' } },
  })
  expect(next).toMatchObject({ revision: 2, serving: 1, rollout: { state: 'rolling' } })
  await settled(server)
  await until(async () => expect(answers.at(-1)).toBe('green'))
  going = false
  await Promise.all(clients)
  agent.destroy()
  expect(answers.filter((one) => one.startsWith('failed'))).toEqual([])
  expect(new Set(answers)).toEqual(new Set(['red', 'green']))
}

async function keepsWhatServes(server: ServerProcess): Promise<void> {
  await server.client.deployment.update({
    deployment: 'colors',
    body: { command: 'echo "no such model: violet" >&2; exit 4' },
  })
  const failed = await settled(server)
  expect(failed).toMatchObject({ state: 'running', revision: 3, serving: 2, rollout: { state: 'failed' } })
  expect(failed.rollout?.reason).toContain('exit code 4')
  expect(failed.rollout?.lastLines).toContain('no such model: violet')
  expect(await ask(server, '/')).toMatchObject({ status: 200, told: { color: 'green' } })
  const back = await server.client.deployment.rollback({ deployment: 'colors', body: {} })
  expect(back.revision).toBe(4)
  expect(await settled(server)).toMatchObject({ state: 'running', serving: 4, rollout: null })
}

/** A request that comes while the only instance is down waits for it. */
async function comesBack(server: ServerProcess): Promise<void> {
  expect((await ask(server, '/crash', '[]')).status).toBe(502)
  expect(await ask(server, '/')).toMatchObject({ status: 200, told: { color: 'green' } })
  await until(async () => {
    const { items } = await server.client.deployment.instances({ deployment: 'colors' })
    expect(items[0]).toMatchObject({ state: 'ready', restarts: 1 })
  })
}

async function survivesKill(server: ServerProcess): Promise<void> {
  const before = (await ask(server, '/')).told.instance
  await server.kill()
  await server.start()
  const after = await ask(server, '/')
  expect(after).toMatchObject({ status: 200, told: { instance: before } })
  const { items } = await server.client.deployment.instances({ deployment: 'colors' })
  expect(items[0]).toMatchObject({ name: before, restarts: 1 })
  const { items: lines } = await server.client.deployment.logs({ deployment: 'colors', instance: before, tail: 50 })
  expect(lines.map(({ text }) => text)).toContain('listening for green')
}

/** The built-in server answers for a model of the repository, and the command line shows it. */
async function servesModel(server: ServerProcess): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'nabla-deploy-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  const nabla = async (...argv: string[]) => {
    const { code, stdout, stderr } = await startNabla(server, home, argv).end
    if (code !== 0) throw new Error(`nabla ${argv.join(' ')}: ${stderr}`)
    return stdout
  }
  await nabla('model', 'upload', 'digits', join(import.meta.dirname, '../model-corpus/onnx/model/digits.onnx'))
  const address = await nabla('deploy', 'digits', '--project', 'web', '--machine-type', 'C1')
  expect(address.trim()).toBe(`${server.url}/serve/digits/`)
  const data = JSON.stringify({ instances: [Array.from({ length: 64 }, () => 0.5)] })
  const answer = await nabla('deployment', 'predict', 'digits', '--data', data)
  expect(JSON.parse(answer)).toMatchObject({ predictions: [expect.anything()] })
  expect(await nabla('deployment', 'history', 'digits')).toMatch(/1 +serving +admin/)
  // What is served stays, and the version says by whom.
  expect(await nabla('model', 'show', 'digits')).toMatch(/used by +deployment digits \(running\)/)
  await expect(nabla('model', 'delete', 'digits:1')).rejects.toThrow('in use by deployment digits')
  await nabla('deployment', 'stop', 'digits')
}

const settled = (server: ServerProcess) =>
  until(async () => {
    const found = await server.client.deployment.wait({ deployment: 'colors', seconds: 5 })
    const { state, rollout, reason } = found
    if (state === 'starting' || state === 'stopping' || rollout?.state === 'rolling') {
      throw new Error(`it is ${state}: ${reason}`)
    }
    return found
  })

function ask(
  server: ServerProcess,
  path: string,
  body?: string,
  agent?: Agent,
): Promise<{ status: number; told: Told; code: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      `${server.url}/serve/colors${path}`,
      {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${server.key}`, ...(body && { 'content-length': body.length }) },
        ...(agent && { agent }),
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const told = JSON.parse(Buffer.concat(chunks).toString()) as Told & { error?: { code: string } }
          resolve({ status: answer.statusCode ?? 0, told, code: told.error?.code })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
