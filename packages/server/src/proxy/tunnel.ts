import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import { limits } from '../lib/limits.ts'
import { responseHeaders } from './headers.ts'
import type { Onward } from './exchange.ts'
import type { Served } from './served.ts'
import type { Upstream } from './upstream.ts'

/** Where a socket goes. */
export type SocketTarget = { served: Pick<Served, 'pathPrefix'>; address: Upstream['address'] }

/**
 * Joins a socket of a client to one of a task, byte for byte: subprotocols, extensions and frames of WebSockets are
 * between the two. Resolves when both have ended. Rejects with the error of the connection if none could be made.
 */
export async function tunnel(
  client: { request: IncomingMessage; socket: Duplex; head: Buffer },
  upstream: SocketTarget,
  onward: Onward,
): Promise<void> {
  const { request, socket, head } = client
  const sent = open(upstream, onward)
  const { answer, far, farHead } = await answered(sent)
  if (!far) {
    await refuse(answer, socket)
    return
  }
  prepare(far)
  prepare(socket)
  const { upgrade = 'websocket' } = request.headers
  writeHead(socket, answer, ['Connection', 'Upgrade', 'Upgrade', upgrade])
  if (farHead.length > 0) socket.write(farHead)
  if (head.length > 0) far.write(head)
  await join(socket, far, onward.signal)
}

function open({ served, address }: SocketTarget, { url, headers, signal }: Onward): ClientRequest {
  return httpRequest({
    host: address.host,
    port: address.port,
    path: (served.pathPrefix ?? '') + url,
    headers: { ...headers, connection: 'Upgrade', upgrade: 'websocket' },
    setHost: false,
    agent: false,
    signal,
    timeout: limits.proxyUpgradeMs,
    maxHeaderSize: limits.proxyHeaderBytes,
  })
}

interface Answered {
  answer: IncomingMessage
  /** Missing: the task did not want to. */
  far?: Duplex
  farHead: Buffer
}

function answered(sent: ClientRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    sent.once('error', reject)
    sent.once('timeout', () => sent.destroy(new Error('the task did not answer in time')))
    sent.once('upgrade', (answer, far, farHead) => resolve({ answer, far, farHead }))
    sent.once('response', (answer) => resolve({ answer, farHead: Buffer.alloc(0) }))
    sent.end()
  })
}

/** Passes on why a task refused. It is short, or cut off. */
async function refuse(answer: IncomingMessage, socket: Duplex): Promise<void> {
  writeHead(socket, answer, ['Connection', 'close'])
  let size = 0
  for await (const chunk of answer) {
    size += (chunk as Buffer).length
    if (size > limits.proxyHeaderBytes) break
    socket.write(chunk)
  }
  socket.end()
}

function writeHead(socket: Duplex, answer: IncomingMessage, own: string[]): void {
  const all = [...own, ...responseHeaders(answer)]
  const isSwitch = answer.statusCode === 101
  let head = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n`
  for (let i = 0; i + 1 < all.length; i += 2) {
    // The body of a refusal ends with the connection.
    if (!isSwitch && all[i]?.toLowerCase() === 'content-length') continue
    head += `${all[i]}: ${all[i + 1]}\r\n`
  }
  socket.write(`${head}\r\n`, 'latin1')
}

/** Sockets may be silent for hours; one whose other end has vanished is found out by the kernel. */
function prepare(stream: Duplex): void {
  const socket = stream as Socket
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, limits.proxyKeepAliveMs)
}

function join(near: Duplex, far: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let open = 2
    const closed = () => {
      open -= 1
      near.destroy()
      far.destroy()
      if (open === 0) resolve()
    }
    for (const stream of [near, far]) {
      stream.on('error', () => stream.destroy())
      stream.once('close', closed)
    }
    near.pipe(far)
    far.pipe(near)
    signal.addEventListener('abort', () => near.destroy(), { once: true })
    if (near.destroyed || far.destroyed || signal.aborted) near.destroy()
  })
}
