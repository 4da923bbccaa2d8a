import type { Exchange } from './route.ts'
import { writeTicket } from './ticket.ts'

/**
 * Where metrics are read: without a scheme, since the clients put `https://` or `wss://` before it whatever the
 * address of the server is. A server behind a proxy with TLS is reached there, any other at its own second port. The
 * ticket stands in the path because the stream comes without a key.
 */
export async function metricsAddress({
  caller,
  deps,
  origins,
}: Pick<Exchange, 'caller' | 'deps' | 'origins'>): Promise<string> {
  const own = new URL(origins.own)
  const host = own.protocol === 'https:' ? own.host : `${own.hostname}:${await deps.secure.open()}`
  return `${host}/gradient/measured/${writeTicket(deps, caller, { for: 'metrics' })}`
}
