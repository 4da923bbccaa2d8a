import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Notebook, NotebookState } from '@nabla/api/notebook'
import { expect, test } from 'vitest'
import { socketAt } from '../../packages/server/src/testing/served.ts'
import { ended, linesOf, type ServerProcess, startServerProcess, until } from './support/server-process.ts'

/** What pip needs to know of the network of this machine. */
const networkEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^(PIP_|UV_|SSL_CERT|(https?|no|all)_proxy$)/i.test(name)),
) as Record<string, string>

const canInstall = await canReachIndex()

const title = 'a notebook on the process engine'
const reason = canInstall ? '' : ' (skipped: pip cannot fetch anything here)'

test.skipIf(!canInstall)(`${title} keeps packages, files and versions${reason}`, { timeout: 900_000 }, async () => {
  const server = await startServerProcess({ env: networkEnv })
  const made = await server.client.notebook.create({ body: { project: 'p', name: 'real', machineType: 'C1' } })
  const running = await untilState(server, made.id, 'running')
  expect(running.phases.map(({ name }) => name)).toEqual(['queue', 'files', 'environment', 'jupyter', 'ready'])
  const jupyter = await openJupyter(server)

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
  run = await (await openJupyter(server)).kernel()
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
  const again = await (await openJupyter(server)).kernel()
  expect(await again('import nablatiny; print(nablatiny.word)')).toContain('tiny')
  expect(await again('import os; print(os.path.getsize("large.bin"))')).toContain('12000000')
  await server.client.notebook.stop({ notebook: 'real', body: { graceSeconds: 0 } })
  await untilState(server, made.id, 'stopped')
  await server.kill()
  // Some ten thousand files: a busy machine takes longer than it is given after a test.
  await rm(join(server.data, 'cache'), { recursive: true, force: true })
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

async function canReachIndex(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-index-'))
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--retries', '1', '--no-deps']
  try {
    await promisify(execFile)('python3', [...pip, '--dest', folder, 'six==1.17.0'], { timeout: 60_000 })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function untilState(server: ServerProcess, notebook: string, state: NotebookState): Promise<Notebook> {
  return until(async () => {
    const found = await server.client.notebook.wait({ notebook, state, seconds: 10 })
    if (found.state !== state) throw new Error(`the notebook is ${found.state}: ${found.reason ?? ''}`)
    return found
  }, 300_000)
}

/** Jupyter as a program elsewhere reaches it: by its address, with the token of whoever asks. */
async function openJupyter(server: ServerProcess) {
  const { address, token: own } = await server.client.notebook.open({ notebook: 'real', body: {} })
  const { host } = new URL(address)
  const { port } = new URL(server.url)
  const ask = (method: string, path: string, { body, token = own }: { body?: unknown; token?: string } = {}) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { host, authorization: `token ${token}`, 'content-type': 'application/json' }
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        let text = ''
        answer.on('data', (part) => (text += part))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const connect = async (path: string) => {
    const socket = socketAt(server.url, `http://${host}${path}?token=${own}`)
    await new Promise((resolve, reject) => (socket.once('open', resolve), socket.once('error', reject)))
    return socket
  }
  return {
    ask,
    async inTerminal(command: string): Promise<string> {
      const { name } = JSON.parse((await ask('POST', '/api/terminals', { body: {} })).text) as { name: string }
      const socket = await connect(`/terminals/websocket/${name}`)
      let text = ''
      socket.on('message', (data: Buffer) => {
        const [kind, part] = JSON.parse(data.toString()) as [string, string]
        if (kind === 'stdout') text += part
      })
      socket.send(JSON.stringify(['stdin', `${command}; echo do''ne\r`]))
      await until(() => expect(text).toContain('done'))
      return text
    },
    /** A new kernel; what it answers with runs a cell in it, and gives what that printed. */
    async kernel(): Promise<(code: string) => Promise<string>> {
      const made = await ask('POST', '/api/kernels', { body: { name: 'python3' } })
      const { id } = JSON.parse(made.text) as { id: string }
      const socket = await connect(`/api/kernels/${id}/channels`)
      return (code) => runCell(socket, code)
    },
  }
}

interface KernelMessage {
  msg_type: string
  parent_header?: { msg_id?: string }
  content: { text?: string; traceback?: string[]; execution_state?: string }
}

/** https://jupyter-client.readthedocs.io/en/latest/messaging.html */
function runCell(socket: ReturnType<typeof socketAt>, code: string): Promise<string> {
  const id = randomUUID()
  let text = ''
  return new Promise((resolve) => {
    const listen = (data: Buffer) => {
      const { msg_type: type, parent_header: parent, content } = JSON.parse(data.toString()) as KernelMessage
      if (parent?.msg_id !== id) return
      if (type === 'stream') text += content.text ?? ''
      if (type === 'error') text += (content.traceback ?? []).join('\n')
      if (type !== 'status' || content.execution_state !== 'idle') return
      socket.off('message', listen)
      resolve(text)
    }
    socket.on('message', listen)
    const header = { msg_id: id, msg_type: 'execute_request', username: 'test', session: id, version: '5.3', date: '' }
    const content = { code, silent: false, store_history: true, allow_stdin: false, user_expressions: {} }
    socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, channel: 'shell', content, buffers: [] }))
  })
}
