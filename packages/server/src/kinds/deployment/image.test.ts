import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@nabla/api/client'
import type { Deployment } from '@nabla/api/deployment'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadConfig } from '../../config.ts'
import { missing, startTestDaemon, type TestDaemon } from '../../engines/docker/testing/daemon.ts'
import { addLibrariesOf, addPython, makeRootfs } from '../../engines/docker/testing/rootfs.ts'
import { type RunningServer, startServer } from '../../main.ts'

const root = join(import.meta.dirname, '../../../../..')
const image = 'nabla-test/serving:1'
const runtime = join(root, 'node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch)

/** Says who it is, on the port that it has in every container. */
const app = `exec python3 -c "
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ['NABLA_INSTANCE_NAME'].encode())

http.server.ThreadingHTTPServer(('0.0.0.0', 9000), Handler).serve_forever()
"`

const reason = missing.podman
const title = reason === null ? 'in images of podman' : `in images: ${reason}`

describe.skipIf(reason !== null)(title, { timeout: 120_000 }, () => {
  let daemon: TestDaemon
  let server: RunningServer
  let client: Client
  const data = mkdtempSync(join(tmpdir(), 'nabla-serving-image-'))
  beforeAll(async () => {
    daemon = await startTestDaemon('podman')
    const folder = join(daemon.base, 'serving')
    makeRootfs(folder)
    addPython(folder)
    const libraries = readdirSync(runtime).filter((name) => name.endsWith('.node') || name.includes('.so'))
    addLibrariesOf(folder, [process.execPath, ...libraries.map((name) => join(runtime, name))])
    daemon.importFolder(folder, image)
    rmSync(folder, { recursive: true })
    const docker = { socket: daemon.socket, pull: 'never' as const }
    const machineTypes = [{ name: 'half', engine: 'docker', cpus: 0.5, memoryBytes: 512 * 2 ** 20 }]
    const config = loadConfig({ data, port: 0, engines: ['docker'], docker, machineTypes }, {})
    server = await startServer(config, { log: pino({ level: 'silent' }) })
    client = createClient({ url: server.url, key: server.firstKey! })
  }, 120_000)
  afterAll(async () => {
    for (const { id } of (await client?.deployment.list({}))?.items ?? []) await stopped(id)
    await server?.close()
    await daemon?.close()
    rmSync(data, { recursive: true, force: true })
  }, 120_000)

  const running = (deployment: string): Promise<Deployment> =>
    vi.waitFor(
      async () => {
        const found = await client.deployment.wait({ deployment, seconds: 10 })
        const why = `${found.reason} ${found.rollout?.lastLines?.join(' ') ?? ''}`
        if (found.state !== 'running') throw new Error(`it is ${found.state}: ${why}`)
        return found
      },
      { timeout: 100_000, interval: 100 },
    )

  /** What runs is no child of the server, and would outlive this test. */
  const stopped = async (deployment: string): Promise<void> => {
    await client.deployment.stop({ deployment })
    await vi.waitFor(async () => expect((await client.deployment.show({ deployment })).state).toBe('stopped'), {
      timeout: 100_000,
      interval: 100,
    })
  }

  test('a program with a port of its own has several instances, and keeps answering through an update', async () => {
    const made = { project: 'p', name: 'shop', image, command: app, port: 9000, instances: 2, drainSeconds: 2 }
    await client.deployment.create({ body: made })
    expect((await running('shop')).instances).toMatchObject({ wanted: 2, ready: 2 })
    const ask = async () => {
      const answer = await client.deployment.send({ deployment: 'shop', body: { method: 'GET' } })
      expect(answer).toMatchObject({ status: 200 })
      return answer.body
    }
    await vi.waitFor(async () => expect(new Set([await ask(), await ask(), await ask(), await ask()]).size).toBe(2), {
      timeout: 60_000,
    })
    await client.deployment.update({ deployment: 'shop', body: { env: { LEVEL: 'debug' } } })
    await vi.waitFor(
      async () => {
        await ask()
        expect(await client.deployment.show({ deployment: 'shop' })).toMatchObject({ serving: 2, rollout: null })
      },
      { timeout: 100_000, interval: 100 },
    )
  })

  test('the built-in server runs a model in an image that has no Node', async () => {
    const { db, trees } = server.deps
    const { id } = await db.selectFrom('teams').select('id').executeTakeFirstOrThrow()
    const folder = join(root, 'test/model-corpus/onnx/model')
    const { digest } = (await trees.ingest(id, folder, AbortSignal.any([]))).tree
    const { reference } = await client.model.commit({ model: 'digits', body: { source: { from: 'tree', digest } } })
    await vi.waitFor(async () => expect(await client.model.resolve({ reference })).toMatchObject({ state: 'ready' }), {
      timeout: 60_000,
      interval: 50,
    })
    await client.deployment.create({ body: { project: 'p', model: 'digits', name: 'digits', image } })
    await running('digits')
    const instances = [Array.from({ length: 64 }, () => 0.5)]
    const answer = await client.deployment.send({
      deployment: 'digits',
      body: { method: 'POST', path: '/v1/models/digits:predict', body: JSON.stringify({ instances }) },
    })
    expect(answer).toMatchObject({ status: 200 })
    expect(JSON.parse(answer.body)).toMatchObject({ predictions: [expect.anything()] })
  })
})
