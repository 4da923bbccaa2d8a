import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { ServedLink } from '@nabla/api/served'
import { onTestFinished } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import type { TestServer } from './server.ts'

/** A program as a task would run it, listening on a port of this machine until the test is over. */
export async function listens(handler: RequestListener, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer(handler)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port }
}

/** A running job whose task serves this port. */
export async function servingJob(server: TestServer, port: number): Promise<string> {
  const { id } = await server.client.job.create({
    body: { command: 'run=100000s', project: 'serving', ports: [port] },
  })
  await server.untilState(id, 'running')
  return id
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

export interface Asking {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

/** Asks this server as a browser would, whatever this machine makes of the name in the address. */
export async function ask(server: TestServer, url: string, { method, headers, body }: Asking = {}): Promise<Answer> {
  const { host } = new URL(url)
  const { port } = new URL(server.running().url)
  const path = url.slice(url.indexOf(host) + host.length) || '/'
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: method ?? 'GET', headers: { host, ...headers }, agent: false },
      (response) => {
        buffer(response).then(
          (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString() }),
          reject,
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The cookie that a browser gets for the ticket of a link. */
export async function cookieOf(server: TestServer, link: ServedLink): Promise<string> {
  const { headers } = await ask(server, link.url)
  return (headers['set-cookie']?.[0] ?? '').split(';')[0] ?? ''
}

/** Opens a WebSocket as a browser would. */
export const socketTo = (
  server: TestServer,
  url: string,
  options: ClientOptions = {},
  protocols: string[] = [],
): WebSocket => socketAt(server.running().url, url, options, protocols)

/** The same to a server that is a process of its own. */
export function socketAt(
  serverUrl: string,
  url: string,
  options: ClientOptions = {},
  protocols: string[] = [],
): WebSocket {
  const { host, pathname, search } = new URL(url)
  const { port } = new URL(serverUrl)
  const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}${search}`, protocols, {
    ...options,
    headers: { host, ...options.headers },
  })
  onTestFinished(() => socket.terminate())
  return socket
}
