import { execFile } from 'node:child_process'
import { on, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noBrowser, openBrowser } from '../../packages/console/src/testing/browser.ts'
import { canReachIndex, openJupyter, runCell, untilState } from './support/notebook.ts'
import { openPages } from './support/notebook-pages.ts'
import { pythonWith } from './support/python.ts'
import { connectRemote } from './support/vscode-client.ts'
import { ended, linesOf, until, useServerProcess } from './support/server-process.ts'

/** What pip needs to know of the network of this machine. */
const networkEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(PIP_|UV_|SSL_CERT|(https?|no|all)_proxy$)/i.test(name)),
) as Record<string, string>

const canInstall = await canReachIndex()
const python = canInstall ? await pythonWith('jupyter-client') : null
const isRoot = process.getuid?.() === 0
const reason = canInstall ? '' : ' (skipped: pip cannot fetch anything here)'
const port = await freePort()
const settings = {
  cpuOvercommit: 4,
  machineTypes: [{ name: 'C1', engine: 'process', cpus: 1, memoryBytes: 1.5e9 }],
}

describe.skipIf(!canInstall)(`a notebook on the process engine${reason}`, { timeout: 900_000 }, () => {
  // Pages find the server at the same address when it has been started anew.
  const shared = useServerProcess({ env: networkEnv, settings, port })
  let browser: Browser | undefined

  beforeAll(async () => {
    if (noBrowser === undefined) browser = await openBrowser()
  }, 300_000)

  afterAll(async () => {
    await browser?.close()
    const { client, data, kill } = shared()
    const { items } = await client.notebook.list({})
    for (const { id } of items) await client.notebook.stop({ notebook: id, body: { graceSeconds: 0 } })
    for (const { id } of items) await untilState(shared(), id, 'stopped')
    await kill()
    // Some ten thousand files: a busy machine takes longer than it is given after a test.
    await rm(join(data, 'cache'), { recursive: true, force: true })
  }, 300_000)

  /** The notebook that all tests share, running. */
  const running = async () => {
    const server = shared()
    const { items } = await server.client.notebook.list({ name: 'real' })
    if (items.length === 0)
      await server.client.notebook.create({ body: { project: 'p', name: 'real', machineType: 'C1' } })
    else await server.client.notebook.start({ notebook: 'real', body: {} })
    return untilState(server, 'real', 'running')
  }

  test('keeps packages, files and versions', async () => {
    const server = shared()
    const made = await running()
    expect(made.phases.map(({ name }) => name)).toEqual(['queue', 'files', 'environment', 'jupyter', 'ready'])
    const jupyter = await openJupyter(server, 'real')

    for (const page of ['/lab', '/tree']) expect((await jupyter.ask('GET', page)).status).toBe(200)
    expect((await jupyter.ask('GET', '/api/status', { token: 'wrong' })).status).toBe(401)
    expect((await jupyter.ask('GET', '/api/status', { token: server.key })).status).toBe(200)

    const large = { type: 'file', format: 'base64', content: Buffer.alloc(12_000_000, 7).toString('base64') }
    expect((await jupyter.ask('PUT', '/api/contents/large.bin', { body: large })).status).toBe(201)
    await jupyter.ask('PUT', '/api/contents/a.ipynb', { body: { type: 'notebook', format: 'json', content: aFile } })
    expect(await jupyter.inTerminal('echo $((6*7)) in $PWD')).toContain('42 in /notebooks')

    const job = await server.client.notebook.runAsJob({
      notebook: 'real',
      body: { path: 'a.ipynb', parameters: { number: 20, text: `it's "quoted"` } },
    })

    let run = await jupyter.kernel()
    expect(await run('import sys; print(sys.executable, 1 + 1)')).toContain('/opt/notebook/layer/bin/python 2')
    expect(await run(makeWheel)).toBe('')
    expect(await run('%pip install --no-index /notebooks/nablatiny-1.0-py3-none-any.whl')).toContain('Successfully')
    expect(await run('import nablatiny; print(nablatiny.word)')).toContain('tiny')
    // The server is not needed by what runs.
    await server.kill()
    await server.start()
    run = await (await openJupyter(server, 'real')).kernel()
    expect(await run('import nablatiny; print(open("/notebooks/a.ipynb").read()[:1])')).toContain('{')

    expect(await ended(server, job.id)).toMatchObject({ state: 'succeeded' })
    expect(await linesOf(server, job.id, 'stderr')).toContain(`21 it's "quoted"`)
    const artifacts = await server.client.artifact.list({ job: job.id })
    expect(artifacts.items.map(({ path }) => path)).toEqual(['a.ipynb'])

    await server.client.notebook.stop({ notebook: 'real', body: {} })
    await untilState(server, made.id, 'stopped')
    const saved = await until(async () => {
      const { items } = await server.client.notebook.versions({ notebook: 'real' })
      expect(items).toMatchObject([{ version: 1, state: 'ready' }])
      return items[0]!
    })
    expect(saved.packages).toEqual(['nablatiny @ file:///notebooks/nablatiny-1.0-py3-none-any.whl'])
    const { cells } = await server.client.notebook.document({ notebook: 'real', path: 'a.ipynb', version: '1' })
    expect(cells).toHaveLength(2)

    await server.client.notebook.start({ notebook: 'real', body: {} })
    await untilState(server, made.id, 'running')
    const again = await (await openJupyter(server, 'real')).kernel()
    expect(await again('import nablatiny; print(nablatiny.word)')).toContain('tiny')
    expect(await again('import os; print(os.path.getsize("large.bin"))')).toContain('12000000')
  })

  test.skipIf(python === null)('runs cells for a client that is no browser, with a token of its user', async () => {
    const server = shared()
    await running()
    const { programAddress, token } = await server.client.notebook.open({ notebook: 'real', body: {} })
    const program = join(import.meta.dirname, '../python/use_notebook.py')
    const { stdout } = await promisify(execFile)(python!, [program, programAddress, token], { timeout: 120_000 })
    expect(stdout).toBe('ok 42 in /notebooks\n\nerror\n')
    const refused = promisify(execFile)(python!, [program, programAddress, `${token}x`], { timeout: 120_000 })
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('401') })
  })

  test('runs cells for an editor elsewhere, by its own library', async () => {
    const server = shared()
    await running()
    const { programAddress, token } = await server.client.notebook.open({ notebook: 'real', body: {} })
    await expect(connectRemote(programAddress, `${token}x`)).rejects.toMatchObject({ response: { status: 401 } })
    using editor = await connectRemote(programAddress, token)
    expect(editor.kernels).toContain('python3')
    expect(await editor.run('x = 6 * 7\nprint(x)')).toBe('42\n')
    // Kernels of Python take no notice of an interrupt that comes before their cell has begun.
    const endless = await editor.begin('print("on", flush=True)\nwhile True: pass')
    await editor.interrupt()
    expect(await endless.done).toBe('on\nerror')
    expect(await editor.run('print(x)')).toBe('42\n')
    await editor.restart()
    expect(await editor.run('print("x" in globals())')).toBe('False\n')
    await editor.close()
    const { text } = await (await openJupyter(server, 'real')).ask('GET', '/api/sessions')
    expect(JSON.parse(text)).toEqual([])
  })

  test('shows two tabs the same, and loses nothing of what comes fast', async () => {
    await running()
    const jupyter = await openJupyter(shared(), 'real')
    const kernel = await jupyter.newKernel()
    const [one, other] = [await jupyter.connect(kernel), await jupyter.connect(kernel)]
    let seen = ''
    other.on('message', (data: Buffer) => {
      const { msg_type: type, content } = JSON.parse(data.toString()) as {
        msg_type: string
        content: { text?: string }
      }
      if (type === 'stream') seen += content.text ?? ''
    })
    const numbers = Array.from({ length: 4000 }, (_, i) => `${i}\n`).join('')
    expect(await runCell(one, 'x = 1\nfor i in range(4000): print(i, flush=True)')).toBe(numbers)
    await until(() => expect(seen).toBe(numbers))
    expect(await runCell(other, 'print(x + 1)')).toBe('2\n')
  })

  test.runIf(isRoot)('goes on when a kernel is killed because it took too much memory', async () => {
    const server = shared()
    await running()
    const jupyter = await openJupyter(server, 'real')
    const kernel = await jupyter.newKernel()
    const restarted = jupyter.connect(kernel).then(async (socket) => {
      for await (const [data] of on(socket, 'message')) {
        const { msg_type: type, content } = JSON.parse(String(data)) as {
          msg_type: string
          content: { execution_state?: string }
        }
        if (type === 'status' && content.execution_state === 'restarting') return
      }
    })
    const doomed = await jupyter.kernel(kernel)
    doomed('x = bytearray(3_000_000_000)').catch(() => 'it is gone')
    await restarted
    const run = await jupyter.kernel(kernel)
    expect(await until(() => run('print("x" in globals())', 20_000), 120_000)).toBe('False\n')
    expect(await server.client.notebook.show({ notebook: 'real' })).toMatchObject({ state: 'running' })
  })

  test.skipIf(noBrowser !== undefined)(
    'shows all that a loop printed, though the server was killed meanwhile',
    async () => {
      const server = shared()
      await running()
      const jupyter = await openJupyter(server, 'real')
      await jupyter.ask('PUT', '/api/contents/loop.ipynb', {
        body: { type: 'notebook', format: 'json', content: aLoop },
      })
      await using pages = await openPages(browser!, server)
      const classic = await pages.openClassic('real')
      await classic.getByText('loop.ipynb').waitFor()
      await classic.goto(new URL('/notebooks/loop.ipynb', classic.url()).href)
      await classic.locator('.jp-Notebook-ExecutionIndicator[data-status=idle]').waitFor()
      const output = classic.locator('.jp-Notebook .jp-CodeCell').first().locator('.jp-Cell-outputArea')
      await pages.runFirstCell(classic)
      await output.getByText('tick 2.').waitFor()

      const { counted } = pages
      const before = counted()
      await server.kill()
      await until(() => expect(counted()).toBeGreaterThan(before + 3))
      const missed = counted()
      await server.start()
      await output.getByText(`tick ${missed}.`).waitFor()
      await until(() => expect(counted()).toBeGreaterThan(missed + 1))
      const after = await openJupyter(server, 'real')
      await after.ask('PUT', '/api/contents/stop', { body: { type: 'file', format: 'text', content: '' } })
      await output.getByText('counted').waitFor()
      const ticks = [...(await output.innerText()).matchAll(/tick (\d+)\./g)].map((match) => Number(match[1]))
      expect(ticks).toEqual(Array.from({ length: counted() + 1 }, (_, tick) => tick))
    },
  )

  test.skipIf(noBrowser !== undefined)('that is hostile reaches nothing of the one who looks at it', async () => {
    const server = shared()
    const { client } = server
    await running()
    const command = 'exec python3 -c "$EVIL"'
    await client.notebook.create({
      body: { project: 'p', name: 'evil', machineType: 'C1', command, env: { EVIL: evil } },
    })
    await untilState(server, 'evil', 'running')
    await using pages = await openPages(browser!, server)
    const tried = await pages.lureTo('evil', 'real')
    expect(tried.said).toEqual([])
    expect(tried.frames).toEqual({ console: 'DENY', notebook: 401 })
    expect(tried.page).toEqual({ cookie: '', hasOpener: false, origin: new URL(tried.address).origin })
    // What needs no answer has done nothing either.
    expect(await untilState(server, 'real', 'running')).toMatchObject({ stopRequestedAt: null })
    expect((await client.project.list({})).items.map(({ name }) => name)).toEqual(['p'])
    const { text } = await (await openJupyter(server, 'real')).ask('GET', '/api/terminals')
    expect(JSON.parse(text)).toEqual(tried.terminalsBefore)
    // The program that the page came from got nothing of its visitor's.
    const seen = await (await client.notebook.file({ notebook: 'evil', path: 'seen.jsonl' })).text()
    expect(seen).toContain('"/lured"')
    for (const secret of tried.secrets) expect(seen).not.toContain(secret)
    expect(await pages.isSignedIn()).toBe(true)
    await client.notebook.stop({ notebook: 'evil', body: { graceSeconds: 0 } })
    await untilState(server, 'evil', 'stopped')
  })
})

const aFile = {
  cells: [
    { cell_type: 'code', id: 'one', metadata: { tags: ['parameters'] }, source: 'number = 1\ntext = ""', outputs: [] },
    { cell_type: 'code', id: 'two', metadata: {}, source: 'print(number + 1, text)', outputs: [] },
  ].map((cell) => ({ ...cell, execution_count: null })),
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
}

/** A package that needs neither the network nor a build. */
const makeWheel = `
import zipfile
info = "nablatiny-1.0.dist-info/"
files = {
    "nablatiny.py": "word = 'tiny'\\n",
    info + "METADATA": "Metadata-Version: 2.1\\nName: nablatiny\\nVersion: 1.0\\n",
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
files[info + "RECORD"] = "".join(name + ",,\\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile("/notebooks/nablatiny-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
`

const aLoop = {
  ...aFile,
  cells: [
    {
      cell_type: 'code',
      id: 'loop',
      metadata: {},
      execution_count: null,
      outputs: [],
      source: `import os, time
tick = 0
while True:
    print(f"tick {tick}.", flush=True)
    open("count", "w").write(str(tick))
    if os.path.exists("stop"): break
    tick += 1
    time.sleep(0.3)
print("counted")`,
    },
  ],
}

/** In the place of Jupyter: it answers anything with a page, and notes what it was sent. */
const evil = `
import http.server, json

asked = json.load(open("/generated/notebook.json"))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("/notebooks/seen.jsonl", "a") as file:
            file.write(json.dumps([self.path, dict(self.headers)]) + "\\n")
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"[]" if self.path.startswith("/api/") else b"<title>evil</title>")

http.server.ThreadingHTTPServer((asked["address"], asked["port"]), Handler).serve_forever()
`

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
