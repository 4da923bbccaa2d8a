import type { IncomingHttpHeaders } from 'node:http'
import type { Metrics } from '../metrics.ts'
import type { Repository } from '../model/repository.ts'
import type { Version } from '../model/version.ts'
import type { Tensor } from '../tensor/types.ts'

/** What a handler is given. */
export interface Context {
  repository: Repository
  metrics: Metrics
  /** What the pattern of the route found, by name. */
  params: Readonly<Record<string, string | undefined>>
  headers: IncomingHttpHeaders
  /** Whole and unpacked. Empty where the route takes none. */
  body: Buffer
  /** Runs a request; it is withdrawn when the client goes. */
  run(version: Version, inputs: Tensor[], timeoutMs?: number): Promise<Tensor[]>
}

export interface Answer {
  status: number
  headers?: Record<string, string>
  /** JSON as text, or bytes in parts. */
  body?: string | readonly Uint8Array[]
}

export interface Route {
  method: 'GET' | 'POST'
  /** Of the path, with named groups. */
  pattern: RegExp
  /** For metrics. */
  protocol: string
  handle(context: Context): Answer | Promise<Answer>
}

/** An answer of JSON. */
export const json = (value: unknown, status = 200): Answer => ({ status, body: JSON.stringify(value) })
