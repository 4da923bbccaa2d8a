import type { IncomingHttpHeaders } from 'node:http'

/**
 * Heads of HTTP/1.1 as most of them are. What is not exactly of that form is not read here: such a request goes to Node's
 * own parser, such an answer is broken. So there is nothing to be lenient about: RFC 9112, and only its plain part.
 */
export interface PlainHead {
  method: string
  /** Path and query. */
  url: string
  /** Names and values in turn, as they were sent. */
  rawHeaders: string[]
  /** Those that the gateway reads. */
  headers: PlainHeaders
  /** Of its body, by `Content-Length`; null: there is none. */
  bodyBytes: number | null
  /** Another request may come on the same connection. */
  isKept: boolean
}

type Read = (typeof read)[number]
type PlainHeaders = Pick<IncomingHttpHeaders, Read> & { host: string }

/** Each of them once, at most. */
const read = [
  'host',
  'accept',
  'authorization',
  'connection',
  'content-length',
  'idempotency-key',
  'sec-fetch-mode',
  'x-api-key',
  'x-forwarded-for',
  'x-request-id',
] as const

/** They change what a message is, or what the connection is. */
const odd = new Set([
  'expect',
  'http2-settings',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

// Each is tried at one place only (`y`), and what it takes can be taken in one way only: none of them looks back.
const requestLine = /(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/[!-"$-~]*) HTTP\/1\.1\r\n/y
const statusLine = /HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t -~\x80-\xff]*)?\r\n/y
const headerLine = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t -~\x80-\xff]*)\r\n/y
/** No more than a number holds exactly. */
const length = /^\d{1,15}$/

/** @param text of a request, from its first byte to the end of its last header; null: it is not plain */
export function readRequestHead(text: string): PlainHead | null {
  requestLine.lastIndex = 0
  const first = requestLine.exec(text)
  if (first === null) return null
  const headers = emptyHeaders()
  const rawHeaders: string[] = []
  for (let at = requestLine.lastIndex; at < text.length; at = headerLine.lastIndex) {
    headerLine.lastIndex = at
    const found = headerLine.exec(text)
    if (found === null) return null
    const name = found[1]!
    const value = trimmedEnd(found[2]!)
    rawHeaders.push(name, value)
    const role = roleOf(name)
    if (role === 'other') continue
    if (role === 'odd' || headers[role] !== undefined) return null
    headers[role] = value
  }
  const { host, connection, 'content-length': announced } = headers
  if (host === undefined || (announced !== undefined && !length.test(announced))) return null
  const kept = connection === undefined ? 'keep-alive' : connection.toLowerCase()
  if (kept !== 'keep-alive' && kept !== 'close') return null
  return {
    method: first[1]!,
    url: first[2]!,
    rawHeaders,
    headers: headers as PlainHeaders,
    bodyBytes: announced === undefined ? null : Number(announced),
    isKept: kept === 'keep-alive',
  }
}

/** Where an answer ends. */
export type Framing = { by: 'none' } | { by: 'length'; bytes: number } | { by: 'chunks' } | { by: 'close' }

export interface AnswerHead {
  status: number
  /** Names and values in turn. */
  rawHeaders: string[]
  framing: Framing
  /** Another request may be sent on the same connection. */
  isKept: boolean
  /** For how long the other end keeps it without one, if it says so. */
  keptMs: number | null
}

/**
 * @param text of an answer, from its first byte to the end of its last header; null: it is broken
 * @param method of the request
 */
export function readAnswerHead(text: string, method: string): AnswerHead | null {
  statusLine.lastIndex = 0
  const first = statusLine.exec(text)
  if (first === null) return null
  const rawHeaders: string[] = []
  let announced: string | undefined
  let coding: string | undefined
  let connection = ''
  let keptMs: number | null = null
  for (let at = statusLine.lastIndex; at < text.length; at = headerLine.lastIndex) {
    headerLine.lastIndex = at
    const found = headerLine.exec(text)
    if (found === null) return null
    const name = found[1]!
    const value = trimmedEnd(found[2]!)
    rawHeaders.push(name, value)
    const role = answerRoleOf(name)
    if (role === 'other') continue
    if (role === 'connection') connection += `,${value.toLowerCase()}`
    else if (role === 'keep-alive') keptMs = keptMsOf(value)
    // Two that agree would do no harm; whoever sends two has more than one opinion of where its answer ends.
    else if (role === 'content-length' && announced === undefined && length.test(value)) announced = value
    else if (role === 'transfer-encoding' && coding === undefined && value.toLowerCase() === 'chunked') coding = value
    else return null
  }
  const isOld = first[1] === '0'
  if (coding !== undefined && (announced !== undefined || isOld)) return null
  const status = Number(first[2])
  const framing = framingOf(status, method, announced, coding)
  const isAsked = connection === '' ? !isOld : !says(connection, 'close') && (!isOld || says(connection, 'keep-alive'))
  return { status, rawHeaders, framing, isKept: isAsked && framing.by !== 'close', keptMs }
}

/** RFC 9112, section 6.3. */
function framingOf(status: number, method: string, announced?: string, coding?: string): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { by: 'none' }
  if (coding !== undefined) return { by: 'chunks' }
  return announced === undefined ? { by: 'close' } : { by: 'length', bytes: Number(announced) }
}

const says = (connection: string, word: string): boolean => connection.split(',').some((one) => one.trim() === word)

function keptMsOf(value: string): number | null {
  const seconds = /timeout=(\d{1,6})/i.exec(value)?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}

type Role = Read | 'odd' | 'other'
type AnswerRole = 'connection' | 'keep-alive' | 'content-length' | 'transfer-encoding' | 'other'

/** Names come again and again, mostly in the same spelling. */
const roles = new Map<string, Role>()
const answerRoles = new Map<string, AnswerRole>()
const mostRoles = 1000
const readNames: ReadonlySet<string> = new Set(read)
const answerNames = new Set(['connection', 'keep-alive', 'content-length', 'transfer-encoding'])

function roleOf(name: string): Role {
  const known = roles.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  const found = readNames.has(lower) ? (lower as Read) : odd.has(lower) ? 'odd' : 'other'
  if (roles.size >= mostRoles) roles.clear()
  roles.set(name, found)
  return found
}

function answerRoleOf(name: string): AnswerRole {
  const known = answerRoles.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  const found = answerNames.has(lower) ? (lower as AnswerRole) : 'other'
  if (answerRoles.size >= mostRoles) answerRoles.clear()
  answerRoles.set(name, found)
  return found
}

function trimmedEnd(value: string): string {
  const last = value.charCodeAt(value.length - 1)
  return last === 0x20 || last === 0x09 ? value.trimEnd() : value
}

/** Of one shape, which is quicker to fill than a table. */
const emptyHeaders = (): { [name in Read]: string | undefined } => ({
  host: undefined,
  accept: undefined,
  authorization: undefined,
  connection: undefined,
  'content-length': undefined,
  'idempotency-key': undefined,
  'sec-fetch-mode': undefined,
  'x-api-key': undefined,
  'x-forwarded-for': undefined,
  'x-request-id': undefined,
})
