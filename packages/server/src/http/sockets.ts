import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'

/** What a request that asks for a socket came with. */
const asked = new WeakMap<IncomingMessage, { socket: Socket; head: Buffer }>()

const server = new WebSocketServer({
  noServer: true,
  clientTracking: false,
  maxPayload: limits.socketMessageBytes,
  perMessageDeflate: false,
})

/**
 * Sends a request for a socket through the app like any other: who may not, is told so by the same rules, and in the
 * same words.
 */
export function routeUpgrade(app: FastifyInstance, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.end())
  socket.on('error', () => socket.destroy())
  asked.set(request, { socket, head })
  app.routing(request, response)
}

/** Whether a request asks for a socket. */
export const asksForSocket = (request: IncomingMessage): boolean => asked.has(request)

/**
 * Turns the request into a WebSocket (RFC 6455), and resolves when that has closed. Pings keep proxies from closing
 * one that is silent. One whose other end is gone
 * without a word is found out by pings. Throws AppError `no_upgrade` when the request did not ask for one.
 */
export async function openSocket(
  request: FastifyRequest,
  reply: FastifyReply,
  { signal, clock }: { signal: AbortSignal; clock: Clock },
  begin: (socket: WebSocket) => void,
): Promise<void> {
  const given = asked.get(request.raw)
  if (!given) throw new AppError('no_upgrade')
  const { socket, head } = given
  reply.hijack()
  reply.raw.detachSocket(socket)
  socket.setTimeout(0)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, limits.proxyKeepAliveMs)
  let stopPings = () => {}
  const closed = new Promise((resolve) => socket.once('close', resolve))
  server.handleUpgrade(request.raw, socket, head, (made) => {
    made.on('error', () => made.terminate())
    signal.addEventListener('abort', () => made.close(1001), { once: true })
    stopPings = keepAlive(made, clock)
    begin(made)
  })
  await closed
  stopPings()
  // Whoever waits for the end of this request hears of it.
  reply.raw.emit('close')
}

function keepAlive(socket: WebSocket, clock: Clock): () => void {
  let cancel = () => {}
  const beat = () => {
    socket.ping()
    cancel = clock.after(limits.socketPingMs, beat)
  }
  cancel = clock.after(limits.socketPingMs, beat)
  return () => cancel()
}
