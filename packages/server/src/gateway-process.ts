import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import pino, { type Logger } from 'pino'
import { checkHasData } from './db/data-lock.ts'
import { AccessLog } from './gateway/access-log.ts'
import type { FindKey } from './gateway/admit.ts'
import type { RequestHead } from './gateway/caller.ts'
import { Gateway } from './gateway/gateway.ts'
import { Link } from './gateway/link.ts'
import { openPlainDoor } from './gateway/plain-door.ts'
import { createHostCheck } from './http/host.ts'
import { createListener } from './http/listener.ts'
import { AppError } from './lib/app-error.ts'
import { systemClock } from './lib/clock.ts'
import { limits } from './lib/limits.ts'
import { refuseSocket, sendProblem } from './proxy/problem.ts'

export interface GatewayConfig {
  /** The data folder of the server that it works for. */
  data: string
  database: string
  host: string
  port: number
  allowHosts: readonly string[]
  logLevel: string
  /** File for a line about each request; undefined: there is none. */
  accessLog: string | undefined
}

export interface RunningGateway {
  url: string
  /** Takes no more connections, finishes what is under way, and ends. */
  close(): Promise<void>
}

/**
 * Starts a gateway that is a process of its own, beside the server of this data folder: it answers requests to
 * deployments at `/serve/`, also while the server is away. Several may listen on one port; the kernel shares connections
 * out among them. Throws AppError `no_data` where there was never a server.
 */
export async function startGateway(config: GatewayConfig): Promise<RunningGateway> {
  checkHasData(config)
  const clock = systemClock
  const log: Logger = pino({ level: config.logLevel, base: null }, pino.destination(2))
  const link = new Link({ data: config.data, clock, log, onRoutes: (routes) => take(routes) })
  const accessLog = config.accessLog === undefined ? undefined : new AccessLog(config.accessLog, clock, log)
  const findKey: FindKey = (secret, address) => link.findKey(secret, address)
  const gateway = new Gateway({ clock, log, findKey, ...(accessLog && { accessLog }) })
  const report = () => link.report(gateway.takeReport(link.applied))
  const take = (routes: Parameters<Gateway['replace']>[0]) => {
    gateway.replace(routes)
    report()
  }
  gateway.onIdle = report
  gateway.onWait = (routeId) => link.wait(routeId)
  const stopReports = every(limits.gatewayReportMs, report)
  await link.open()
  const server = listener(gateway, config)
  const close = async () => {
    await endGently(server)
    stopReports()
    report()
    link.close()
    await gateway.close()
    await accessLog?.close()
  }
  try {
    server.listen({ host: config.host, port: config.port, reusePort: true })
    await once(server, 'listening')
  } catch (error) {
    await close()
    throw error
  }
  const { address, port } = server.address() as AddressInfo
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`
  log.info({ url, data: config.data }, 'ready')
  return { url, close }
}

function listener(gateway: Gateway, config: GatewayConfig): Server {
  const isAllowedHost = createHostCheck(config)
  const refusal = (request: IncomingMessage): AppError | null => {
    if (!isAllowedHost(request.headers.host, request.socket.localAddress)) {
      return new AppError('wrong_host', { host: String(request.headers.host).slice(0, 200) })
    }
    const [path = ''] = (request.url ?? '').split('?', 1)
    return gateway.claims(request)
      ? null
      : new AppError('no_route', { method: request.method ?? '', path: path.slice(0, 200) })
  }
  const server = createListener((request: IncomingMessage, response: ServerResponse) => {
    const refused = refusal(request)
    if (refused) sendProblem(request, response, refused)
    else gateway.handle(request, response)
  }, limits)
  const isOurs = (request: RequestHead) => isAllowedHost(request.headers.host, request.socket.localAddress)
  openPlainDoor(server, gateway, { clock: systemClock, bounds: limits, isOurs })
  return server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const refused = refusal(request)
    if (refused) refuseSocket(socket, refused)
    else gateway.upgrade(request, socket, head)
  })
}

function every(ms: number, run: () => void): () => void {
  let cancel = () => {}
  const arm = () => {
    cancel = systemClock.after(ms, () => {
      arm()
      run()
    })
  }
  arm()
  return () => cancel()
}

/** Connections that are idle go at once, others with their answer; those that take too long are cut off. */
async function endGently(server: Server): Promise<void> {
  if (!server.listening) return
  server.keepAliveTimeout = 1
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const cancel = systemClock.after(limits.gatewayEndMs, () => server.closeAllConnections())
  await closed
  cancel()
}
