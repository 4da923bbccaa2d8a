import { Pool } from 'undici'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Target } from './route.ts'
import { TargetConnections } from './target-connections.ts'

/** A target with its connections. It outlives its place in a route while something is under way. */
export class Upstream {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly revision: number
  /** For requests that Node's own parser has read, and our own. */
  readonly pool: Pool
  /** For plain ones. */
  readonly connections: TargetConnections
  /** Requests and sockets under way. */
  outstanding = 0
  /** It refused a connection: others go first until then, on the steady clock. */
  suspectUntil = 0
  /** No route has it any more: it is waited for. */
  isRetired = false
  readonly #onIdle: (id: string) => void

  constructor({ id, host, port, revision }: Target, clock: Clock, onIdle: (id: string) => void) {
    this.id = id
    this.host = host
    this.port = port
    this.revision = revision
    this.#onIdle = onIdle
    this.connections = new TargetConnections(host, port, clock)
    this.pool = new Pool(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, {
      connections: limits.gatewayConnections,
      pipelining: 1,
      // Shorter than any server's own: a connection that closes as a request is sent on it loses that request.
      keepAliveTimeout: limits.gatewaySpareMs,
      keepAliveMaxTimeout: limits.gatewaySpareMostMs,
      connect: { timeout: limits.gatewayConnectMs, noDelay: true },
      maxHeaderSize: limits.proxyHeaderBytes,
    })
  }

  begin(): void {
    this.outstanding += 1
  }

  end(): void {
    this.outstanding -= 1
    if (this.isRetired && this.outstanding === 0) this.#onIdle(this.id)
  }

  /** Closes connections; what is under way fails. */
  async close(): Promise<void> {
    this.connections.close()
    await this.pool.destroy().catch(() => {})
  }

  /** Whether it still is where the target says. */
  is({ host, port, revision }: Target): boolean {
    return this.host === host && this.port === port && this.revision === revision
  }
}
