import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** They speak of one connection: RFC 9110, section 7.6.1, and what older software sends. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What only whoever owns the whole host, all its ports and neighbouring names, may ask of a browser. */
const notForServed = new Set(['strict-transport-security', 'clear-site-data', 'alt-svc', 'public-key-pins'])

/** Cookies of the console and of the proxy itself, in all their spellings. */
const ownCookie = /^\s*(__(Host|Secure)-)?nabla_/i

const ownKey = /^nabla_[0-9a-z]{32}$/

export interface Forwarding {
  /** Of the user who is signed in, if any. */
  user: string | undefined
  /** Whether what stands in Authorization has let the request in, and so is not for the task. */
  dropAuthorization: boolean
  secure: boolean
  /** Of the served thing. */
  extra: Readonly<Record<string, string>>
}

/** The headers that a task gets: those of the client, without what is ours, and what it has to know of the client. */
export function requestHeaders(
  request: IncomingMessage,
  { user, dropAuthorization, secure, extra }: Forwarding,
): Record<string, string | string[]> {
  const named = namedByConnection(request.headers)
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || hopByHop.has(name) || named.has(name)) continue
    if (name === 'expect' || name === 'forwarded' || name.startsWith('x-forwarded-') || name.startsWith('x-nabla-'))
      continue
    headers[name] = value
  }
  const cookies = foreignCookies(request.headers.cookie)
  if (cookies === undefined) delete headers['cookie']
  else headers['cookie'] = cookies
  if (dropAuthorization || holdsKey(request.headers.authorization)) delete headers['authorization']
  if (ownKey.test(String(request.headers['x-api-key'] ?? ''))) delete headers['x-api-key']
  const before = request.headers['x-forwarded-for']
  const address = request.socket.remoteAddress ?? ''
  headers['x-forwarded-for'] = before === undefined ? address : `${String(before)}, ${address}`
  headers['x-forwarded-proto'] = secure ? 'https' : 'http'
  headers['x-forwarded-host'] = request.headers.host ?? ''
  if (user !== undefined) headers['x-nabla-user'] = encodeURIComponent(user)
  for (const [name, value] of Object.entries(extra)) headers[name.toLowerCase()] = value
  return headers
}

/** The headers of a task's answer for the client, as names and values in turn, those that stand twice too. */
export function responseHeaders({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = namedByConnection(headers)
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || named.has(lower) || notForServed.has(lower)) continue
    if (lower !== 'set-cookie') kept.push(name, value)
    else if (!ownCookie.test(value)) kept.push(name, withoutDomain(value))
  }
  return kept
}

/**
 * The same for a program, at the origin of the console: should a browser ever come by it, it is no page, nothing in it
 * runs, it changes no cookie, and no other origin may read it.
 */
export function programHeaders(answer: IncomingMessage): string[] {
  const all = responseHeaders(answer)
  const kept: string[] = []
  for (let i = 0; i + 1 < all.length; i += 2) {
    const [name = '', value = ''] = all.slice(i, i + 2)
    if (!notForPrograms.test(name)) kept.push(name, value)
  }
  return [...kept, 'content-security-policy', "sandbox; default-src 'none'", 'x-content-type-options', 'nosniff']
}

const notForPrograms =
  /^(set-cookie|content-security-policy|x-content-type-options|service-worker-allowed|link|refresh|access-control-.*)$/i

/** Whether a body comes with a request. */
export const hasBody = ({ 'content-length': length, 'transfer-encoding': coding }: IncomingHttpHeaders): boolean =>
  coding !== undefined || (length !== undefined && length !== '0')

/** A cookie with a domain would go to the neighbours as well: it is for the host that set it. */
function withoutDomain(cookie: string): string {
  const [pair = '', ...attributes] = cookie.split(';')
  return [pair, ...attributes.filter((attribute) => !/^\s*domain\s*(=|$)/i.test(attribute))].join(';')
}

function foreignCookies(header: string | undefined): string | undefined {
  const kept = (header ?? '').split(';').filter((pair) => pair.trim() !== '' && !ownCookie.test(pair))
  return kept.length === 0 ? undefined : kept.map((pair) => pair.trim()).join('; ')
}

const holdsKey = (authorization: string | undefined): boolean =>
  ownKey.test(/^bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '')

const namedByConnection = ({ connection }: IncomingHttpHeaders): Set<string> =>
  new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()))
