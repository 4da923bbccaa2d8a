import { randomText } from '../lib/ids.ts'
import type { RequestHead } from './caller.ts'

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

/** What we say ourselves, in place of what a client says; and all cookies: none is for a path of this server. */
const ours = new Set([
  'expect',
  'forwarded',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-request-id',
  'cookie',
])

/** What only whoever owns the whole host may ask of a browser: at a path of this server nothing of a task may. */
const notAtPath = new Set([
  'set-cookie',
  'strict-transport-security',
  'clear-site-data',
  'alt-svc',
  'public-key-pins',
  'service-worker-allowed',
  'content-security-policy',
  'x-content-type-options',
])

export interface Forwarding {
  requestId: string
  user: string | undefined
  secure: boolean
}

const ownKey = /^(?:bearer +)?nabla_[0-9a-z]{32}$/i

/** What becomes of a header by its name; for two of them, by their value too. */
type Fate = 'kept' | 'dropped' | 'connection' | 'authorization' | 'x-api-key'

/** Names come again and again, mostly in the same spelling. */
const requestFates = new Map<string, Fate>()
const answerFates = new Map<string, Fate>()
const mostFates = 1000

function fateOf(name: string, known: Map<string, Fate>, find: (lower: string) => Fate): Fate {
  const fate = known.get(name)
  if (fate !== undefined) return fate
  const found = find(name.toLowerCase())
  if (known.size >= mostFates) known.clear()
  known.set(name, found)
  return found
}

function requestFate(lower: string): Fate {
  if (hopByHop.has(lower) || ours.has(lower) || lower.startsWith('x-nabla-')) return 'dropped'
  return lower === 'authorization' || lower === 'x-api-key' ? lower : 'kept'
}

function answerFate(lower: string): Fate {
  if (lower === 'connection') return 'connection'
  return hopByHop.has(lower) || notAtPath.has(lower) || lower === 'x-request-id' ? 'dropped' : 'kept'
}

/**
 * The headers that a target gets, as names and values in turn: those of the client, without what is ours (keys, and all
 * cookies: none is for a path of this server), and what it has to know of the client.
 *
 * @param dropAuthorization what stands there has let the request in
 */
export function requestHeaders(
  { rawHeaders, headers, socket }: RequestHead,
  { requestId, user, secure }: Forwarding,
  dropAuthorization: boolean,
): string[] {
  const named = namedByConnection(headers.connection)
  const kept: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    const fate = fateOf(name, requestFates, requestFate)
    if (fate === 'dropped' || named?.has(name.toLowerCase())) continue
    if (fate === 'authorization' && (dropAuthorization || ownKey.test(value))) continue
    if (fate === 'x-api-key' && ownKey.test(value)) continue
    kept.push(name, value)
  }
  const before = headers['x-forwarded-for']
  const address = socket.remoteAddress ?? ''
  kept.push('x-forwarded-for', before === undefined ? address : `${String(before)}, ${address}`)
  kept.push('x-forwarded-proto', secure ? 'https' : 'http', 'x-forwarded-host', headers.host ?? '')
  kept.push('x-request-id', requestId)
  if (user !== undefined) kept.push('x-nabla-user', encodeURIComponent(user))
  return kept
}

/**
 * The headers of an answer for the client, as names and values in turn. What is served at a path of this server is
 * data: a browser shows it as a document of no origin, or not at all.
 */
export function responseHeaders(raw: readonly (Buffer | string)[], requestId: string, revision: number): string[] {
  let kept: string[] = []
  let named: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = textOf(raw[i]!)
    const fate = fateOf(name, answerFates, answerFate)
    if (fate === 'connection') named = namedByConnection(textOf(raw[i + 1]!), named)
    if (fate === 'kept') kept.push(name, textOf(raw[i + 1]!))
  }
  if (named !== undefined) kept = without(kept, named)
  kept.push('x-request-id', requestId, 'x-nabla-revision', String(revision))
  kept.push('content-security-policy', 'sandbox', 'x-content-type-options', 'nosniff')
  return kept
}

const textOf = (raw: Buffer | string): string => (typeof raw === 'string' ? raw : raw.toString('latin1'))

/** The id that a client gave its request, if it can stand in a log; else one that no other has. */
export function requestIdOf({ headers }: Pick<RequestHead, 'headers'>): string {
  const given = headers['x-request-id']
  if (typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given)) return given
  requests += 1
  return `${processId}-${requests.toString(36)}`
}

/** Random numbers for each request would cost more than all the rest of its headers. */
const processId = randomText(10)
let requests = 0

/** Headers that are for one connection only because it says so. @param before those of an earlier line */
function namedByConnection(connection: string | undefined, before?: Set<string>): Set<string> | undefined {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return before
  return new Set([...(before ?? []), ...connection.split(',').map((name) => name.trim().toLowerCase())])
}

function without(list: readonly string[], names: ReadonlySet<string>): string[] {
  return list.filter((_, at) => !names.has(list[at - (at % 2)]!.toLowerCase()))
}

/** What the headers of an answer say of its connection. */
export function connectionOf(raw: readonly string[]): { connection?: string } {
  const at = raw.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'connection')
  return at === -1 ? {} : { connection: raw[at + 1]! }
}

/** Names and values in turn as a table. */
export function toTable(list: readonly string[]): Record<string, string | string[]> {
  const table: Record<string, string | string[]> = {}
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i]!.toLowerCase()
    const before = table[name]
    table[name] = before === undefined ? list[i + 1]! : [...[before].flat(), list[i + 1]!]
  }
  return table
}

/** The other way round. */
export const toList = (table: Readonly<Record<string, string | string[]>>): string[] =>
  Object.entries(table).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]))
