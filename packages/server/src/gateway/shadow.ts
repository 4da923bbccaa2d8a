import type { Clock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import type { Onward } from './exchange.ts'
import type { Entry } from './table.ts'
import type { Upstream } from './upstream.ts'

/** Where a copy of a request goes, which `revision` answers: nowhere, if there is no shadow or it has enough to do. */
export function shadowOf({ route, upstreams }: Entry, revision: number): Upstream | undefined {
  if (route.shadow === null || route.shadow === revision) return undefined
  return upstreams.find((one) => one.revision === route.shadow && one.outstanding < limits.gatewayShadows)
}

/** Sends a copy and throws the answer away. Never rejects. */
export async function copyTo(
  upstream: Upstream,
  { method, url: path, headers, body, timeoutMs: headersTimeout }: Onward,
  clock: Clock,
): Promise<{ ms: number; failed: boolean }> {
  const began = clock.steady()
  const took = () => clock.steady() - began
  try {
    const answer = await upstream.pool.request({ method, path, headers, body, headersTimeout })
    const ms = took()
    await answer.body.dump()
    return { ms, failed: answer.statusCode >= 500 }
  } catch {
    return { ms: took(), failed: true }
  }
}
