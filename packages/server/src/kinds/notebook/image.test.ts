import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@nabla/api/client'
import type { Notebook } from '@nabla/api/notebook'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadConfig } from '../../config.ts'
import { missing, startTestDaemon, type TestDaemon, testImage } from '../../engines/docker/testing/daemon.ts'
import { addPython, makeRootfs } from '../../engines/docker/testing/rootfs.ts'
import { type RunningServer, startServer } from '../../main.ts'

const pythonImage = 'nabla-test/notebook:1'

/** Answers as Jupyter does to whoever knows its token, where it was told to listen. */
const standIn = `exec python3 -c "
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers['authorization'] == 'token ' + os.environ['JUPYTER_TOKEN']
        self.send_response(200 if known else 403)
        self.end_headers()
        self.wfile.write(b'[]')

asked = json.load(open('/generated/notebook.json'))
open('/notebooks/made.txt', 'w').write(os.environ['VIRTUAL_ENV'])
http.server.HTTPServer((asked['address'], asked['port']), Handler).serve_forever()
"`

const reason = missing.podman
const title = reason === null ? 'in images of podman' : `in images: ${reason}`

describe.skipIf(reason !== null)(title, { timeout: 120_000 }, () => {
  let daemon: TestDaemon
  let server: RunningServer
  let client: Client
  const data = mkdtempSync(join(tmpdir(), 'nabla-notebook-image-'))
  beforeAll(async () => {
    daemon = await startTestDaemon('podman')
    const folder = join(daemon.base, 'python')
    makeRootfs(folder)
    addPython(folder)
    daemon.importFolder(folder, pythonImage)
    rmSync(folder, { recursive: true })
    const docker = { socket: daemon.socket, pull: 'never' as const }
    server = await startServer(loadConfig({ data, port: 0, engines: ['docker'], docker }, {}), {
      log: pino({ level: 'silent' }),
    })
    client = createClient({ url: server.url, key: server.firstKey! })
  }, 120_000)
  afterAll(async () => {
    await server?.close()
    await daemon?.close()
    rmSync(data, { recursive: true, force: true })
  }, 120_000)

  const arrived = (notebook: string, state: Notebook['state']): Promise<Notebook> =>
    vi.waitFor(
      async () => {
        const found = await client.notebook.wait({ notebook, state, seconds: 10 })
        if (found.state !== state) throw new Error(`the notebook is ${found.state}: ${found.reason}`)
        return found
      },
      { timeout: 100_000, interval: 100 },
    )

  test('a notebook runs what it is told to, in a layer of its own, and its files become a version', async () => {
    await client.notebook.create({ body: { project: 'p', name: 'own', image: pythonImage, command: standIn } })
    const running = await arrived('own', 'running')
    expect(running.phases.map(({ name }) => name)).toEqual(['queue', 'files', 'image', 'container', 'jupyter', 'ready'])
    await client.notebook.stop({ notebook: 'own', body: { graceSeconds: 1 } })
    await arrived('own', 'stopped')
    const file = await client.notebook.file({ notebook: 'own', path: 'made.txt' })
    expect(await file.text()).toBe('/opt/notebook/layer')
    await vi.waitFor(
      async () => expect(await client.notebook.show({ notebook: 'own' })).toMatchObject({ savedVersion: 1 }),
      { timeout: 60_000, interval: 100 },
    )
  })

  test.each([
    ['without-jupyter', pythonImage, /^There is no Jupyter in its image/],
    ['without-python', testImage, /^There is no Python in its image/],
    ['nowhere', 'nabla-test/nowhere:1', /nabla-test\/nowhere/],
  ])('one in an image %s says so', async (name, image, sentence) => {
    await client.notebook.create({ body: { project: 'p', name, image } })
    expect((await arrived(name, 'error')).reason).toMatch(sentence)
  })
})
