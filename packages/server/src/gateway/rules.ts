import type { RequestHead } from './caller.ts'
import type { Onward } from './exchange.ts'
import type { Route } from './route.ts'

/** `/serve/<name>/rest?query` as the name and what the target is to see. */
export function splitPath(url: string): { name: string; url: string } {
  const [, name = '', rest = ''] = /^\/serve\/([^/?#]*)(.*)$/s.exec(url) ?? []
  const path = rest.startsWith('/') ? rest : `/${rest}`
  try {
    return { name: decodeURIComponent(name), url: path }
  } catch {
    return { name, url: path }
  }
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** What was never received may be sent again; what may have been, only if doing it twice is as good as once. */
export function mayRepeat(
  route: Route,
  { method = 'GET', headers }: Pick<RequestHead, 'method' | 'headers'>,
  body: Onward['body'],
  outcome: { sent: boolean },
): boolean {
  // A stream may have been read in part.
  if (body !== null && !Buffer.isBuffer(body)) return false
  return !outcome.sent || idempotent.has(method) || route.repeatable || headers['idempotency-key'] !== undefined
}
