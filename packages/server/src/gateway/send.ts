import { limits } from '../lib/limits.ts'
import type { Route } from './route.ts'
import type { Upstream } from './upstream.ts'

/** A request of our own. */
export interface Asked {
  method: string
  path: string
  headers: Record<string, string>
  body: string | null
}

export interface Answer {
  status: number
  headers: Record<string, string>
  /** Its beginning; bytes that are not UTF-8 are replaced. */
  body: string
  truncated: boolean
  /** Which revision answered; null: none did. */
  revision: number | null
}

/** Sends it to a target and reads the answer. Rejects with what keeps it from being sent or answered. */
export async function ask(
  upstream: Upstream,
  { method, path, headers, body }: Asked,
  { timeoutMs, idleMs }: Pick<Route, 'timeoutMs' | 'idleMs'>,
  signal: AbortSignal,
): Promise<Omit<Answer, 'revision'>> {
  const answer = await upstream.pool.request({
    method,
    path,
    headers: plain(headers),
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: idleMs,
    signal,
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > limits.gatewayShownBytes) break
  }
  const found = Object.entries(answer.headers).filter(([, value]) => value !== undefined)
  return {
    status: answer.statusCode,
    headers: Object.fromEntries(found.map(([name, value]) => [name, [value].flat().join(', ')])),
    body: Buffer.concat(chunks).subarray(0, limits.gatewayShownBytes).toString('utf8'),
    truncated: bytes > limits.gatewayShownBytes,
  }
}

/** What a connection is made of is ours to say. */
function plain(headers: Record<string, string>): Record<string, string> {
  const own = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'keep-alive', 'expect'])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name.toLowerCase())))
}
