import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { JupyterKeeper } from './keeper.ts'

const kernelId = 'k0'
const channels = `/api/kernels/${kernelId}/channels?session_id=page`

describe('what stands between pages and kernels', () => {
  test('lets a kernel be that was started while Jupyter was asked which there are', async () => {
    const jupyter = await startJupyter()
    const { page, looked, lookAgain } = await startKeeper(jupyter)
    const answers = await jupyter.asked()
    const socket = await page()
    for (const answer of answers) answer.end('[]')
    await looked()
    expect(await ask(socket, 'one')).toBe('one')
    lookAgain()
    await jupyter.answerWith([{ id: kernelId }])
    await looked()
    expect(await ask(socket, 'two')).toBe('two')
  })

  test('cuts off the pages of a kernel that is gone, and lets Jupyter say so to those that come', async () => {
    const jupyter = await startJupyter()
    const { page, looked, lookAgain } = await startKeeper(jupyter)
    await jupyter.answerWith([{ id: kernelId }])
    await looked()
    const socket = await page()
    const cut = once(socket, 'close')
    jupyter.endKernel()
    lookAgain()
    await jupyter.answerWith([])
    expect((await cut)[0]).toBe(1006)
    await expect(page()).rejects.toThrow('502')
  })
})

/** A Jupyter whose kernel answers each message with a reply, and whose API answers when it is told to. */
async function startJupyter() {
  const waiting: ServerResponse[] = []
  let wake = () => {}
  const server = createServer((_, response) => {
    waiting.push(response)
    wake()
  })
  let isGone = false
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => false,
    verifyClient: (_, done) => done(!isGone, 404),
  })
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const { header } = JSON.parse(data.toString()) as { header: object }
      const own = { msg_id: `of ${JSON.stringify(header)}`, msg_type: 'kernel_info_reply', session: 'kernel', date: '' }
      const parts = { channel: 'shell', parent_header: header, metadata: {}, content: {}, buffers: [] }
      socket.send(JSON.stringify({ ...parts, header: own }))
    })
  })
  const port = await listen(server)
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  /** What it is asked at one look: its kernels first, then sessions and terminals. */
  const asked = async (): Promise<ServerResponse[]> => {
    while (waiting.length < 3) await new Promise<void>((resolve) => (wake = resolve))
    return waiting.splice(0)
  }
  return {
    port,
    asked,
    endKernel: () => void (isGone = true),
    async answerWith(kernels: object[]): Promise<void> {
      for (const answer of await asked()) answer.end(answer.req.url === '/api/kernels' ? JSON.stringify(kernels) : '[]')
    },
  }
}

/** The keeper of that Jupyter, behind a server. */
async function startKeeper({ port }: { port: number }) {
  const dir = mkdtempSync(join(tmpdir(), 'nabla-keeper-'))
  const place = { host: '127.0.0.1', port, headers: {}, prefix: '' }
  const clock = new TestClock()
  let tell = () => {}
  let looks = 0
  const keeper = new JupyterKeeper({
    dir,
    clock,
    log: pino({ level: 'silent' }),
    running: async () => [{ id: 'n', place }],
    onLook: async () => {
      looks += 1
      tell()
    },
  })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => {
    const given = { request, socket, head, url: request.url!, headers: {}, address: { host: place.host, port } }
    void keeper.takeSocket('n', place, given).then((isTaken) => {
      if (!isTaken) socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
  })
  const own = await listen(server)
  const open: WebSocket[] = []
  onTestFinished(async () => {
    for (const socket of open) socket.terminate()
    server.close()
    await keeper.close()
    rmSync(dir, { recursive: true, force: true })
  })
  keeper.start()
  return {
    async page(): Promise<WebSocket> {
      const socket = new WebSocket(`ws://127.0.0.1:${own}${channels}`)
      open.push(socket)
      await once(socket, 'open')
      return socket
    },
    /** Resolves once a look has ended, one for each call, and the next one is due. */
    async looked(): Promise<void> {
      while (looks === 0) await new Promise<void>((resolve) => (tell = resolve))
      looks -= 1
      await vi.waitUntil(() => clock.pending > 0)
    },
    lookAgain: () => clock.advance(limits.jupyterLookMs),
  }
}

/** Sends a message, and gives the id of what the first answer is about. Rejects when the connection is lost. */
async function ask(socket: WebSocket, id: string): Promise<string> {
  const lost = once(socket, 'close').then(() => {
    throw new Error('the connection was lost')
  })
  const answered = once(socket, 'message')
  const header = {
    msg_id: id,
    msg_type: 'kernel_info_request',
    session: 'page',
    date: '',
    username: '',
    version: '5.3',
  }
  socket.send(JSON.stringify({ channel: 'shell', header, parent_header: {}, metadata: {}, content: {}, buffers: [] }))
  const [data] = (await Promise.race([answered, lost])) as [Buffer]
  lost.catch(() => {})
  return (JSON.parse(data.toString()) as { parent_header: { msg_id: string } }).parent_header.msg_id
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
