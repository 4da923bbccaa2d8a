import { once } from 'node:events'
import {
  type Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import { onTestFinished, vi } from 'vitest'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { openPlainDoor } from '../gateway/plain-door.ts'
import type { Route, Target } from '../gateway/route.ts'
import { AppError } from '../lib/app-error.ts'
import { systemClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'

export const key = `nabla_${'a'.repeat(32)}`
export const foreignKey = `nabla_${'b'.repeat(32)}`

/** Who reads requests: our own reader those that are plain, or Node's parser all of them. */
export type Reader = 'plain requests by our own reader' | 'all requests by Node'
export const readers: Reader[] = ['plain requests by our own reader', 'all requests by Node']

/** Others may need the processors as well. */
export const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 })

export type Answering = (request: IncomingMessage, response: ServerResponse) => unknown

export const answering =
  (name: string): Answering =>
  async (request, response) => {
    await text(request)
    response.end(name)
  }

export function aRoute(given: Partial<Route>): Route {
  return {
    id: 'd1',
    name: 'shop',
    teamId: 'te1',
    access: { kind: 'keys' },
    bodyBytes: 1_000_000,
    timeoutMs: 10_000,
    idleMs: 10_000,
    queue: 100,
    queueMs: 10_000,
    perTarget: null,
    rate: null,
    shares: new Map([[1, 100]]),
    shadow: null,
    targets: [],
    holds: true,
    waiting: 'none has started yet',
    repeatable: false,
    ...given,
  }
}

export async function aTarget(id: string, listener: Answering): Promise<{ target: Target; server: Server }> {
  const server = createServer((request, response) => void listener(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, target: { id, host: '127.0.0.1', port: (server.address() as AddressInfo).port, revision: 1 } }
}

export interface How {
  body?: string
  chunked?: boolean
  headers?: Record<string, string>
  agent?: Agent
}

/** A gateway behind a server of its own. `byNode`: the requests that were left to Node. */
export async function aGateway(reader: Reader, more: Partial<GatewayOptions> = {}) {
  const gateway = new Gateway({
    clock: systemClock,
    log: pino({ level: 'silent' }),
    findKey: async (secret) => {
      if (secret !== key && secret !== foreignKey) throw new AppError('unauthenticated')
      return { teamId: secret === key ? 'te1' : 'te2', userName: 'ada' }
    },
    ...more,
  })
  const byNode: string[] = []
  const server = createServer((request, response) => {
    byNode.push(`${request.method} ${request.url}`)
    gateway.handle(request, response)
  })
  if (reader !== 'all requests by Node') {
    openPlainDoor(server, gateway, { clock: systemClock, bounds: limits, isOurs: () => true })
  }
  server.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await gateway.close()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const open = async (path: string, how: How = {}): Promise<IncomingMessage> => {
    const { body, chunked, headers, agent } = how
    const length = body === undefined || chunked ? {} : { 'content-length': String(body.length) }
    const sent = httpRequest(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, ...length, ...headers },
      agent: agent ?? false,
    })
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    sent.on('error', () => {})
    return answer
  }
  const ask = async (path: string, how: How = {}) => {
    const answer = await open(path, how)
    const body = await text(answer)
    const json = body.startsWith('{"error"') ? (JSON.parse(body) as { error: { code: string } }) : undefined
    return { status: answer.statusCode ?? 0, headers: answer.headers, body, code: json?.error.code }
  }
  return { gateway, server, url, open, ask, byNode }
}
