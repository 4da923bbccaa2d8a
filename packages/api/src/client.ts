import { createParser } from 'eventsource-parser'
import type { z } from 'zod'
import { calls, type CallShape } from './calls.ts'
import { readErrorBody } from './error-body.ts'
import type { ErrorBody } from './errors.ts'
import type { Contract } from './index.ts'
import type { CallInput, RouteShape, Upload } from './route.ts'

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:7070`. */
  url: string
  /** An API key; without one only the routes open to anyone answer. */
  key?: string
  /** Named in the User-Agent header. */
  agent?: string
  /** What asks the server where the answer is one value. Default: `fetch`. */
  exchange?: Exchange
}

/** A request, without what only `fetch` knows. Names of headers are in lower case. */
export interface WireRequest {
  url: URL
  method: string
  headers: Record<string, string>
  body?: Upload
  signal?: AbortSignal
}

/**
 * Sends a request and reads the whole answer, whatever its status is; redirections are not followed. Fails where the
 * server cannot be reached or breaks off, or once the signal is aborted.
 */
export type Exchange = (request: WireRequest) => Promise<{ status: number; statusText: string; text: string }>

/** What the server said no with. `status` 0: it could not be reached, or broke off. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string
  readonly requestId: string | undefined

  constructor(status: number, error: ErrorBody['error'], cause?: unknown) {
    super(error.message, cause === undefined ? undefined : { cause })
    this.name = 'ApiError'
    this.status = status
    this.code = error.code
    this.hint = error.hint
    this.requestId = error.requestId
  }
}

/** One server-sent event: `id` is what to resume after. */
export interface StreamEvent<T> {
  id: string
  data: T
}

type Answer<R extends RouteShape> = R['response'] extends z.ZodType
  ? Promise<z.output<R['response']>>
  : R['response'] extends { stream: 'events'; event: infer E extends z.ZodType }
    ? AsyncIterable<StreamEvent<z.output<E>>>
    : Promise<Response>

export interface CallOptions {
  signal?: AbortSignal
  /** Names in lower case. */
  headers?: Record<string, string>
  /** For streams of events: called once the server has answered, before the first event. */
  onOpen?: () => void
  /** For streams of events: called with every sign of life, those between events too. */
  onBeat?: () => void
}

type Call<R extends RouteShape> =
  unknown extends CallInput<R>
    ? (input?: Record<string, never>, options?: CallOptions) => Answer<R>
    : (input: CallInput<R>, options?: CallOptions) => Answer<R>

/** One function for each route of the contract: `client.job.show({ job: 'j…' })`. */
export type Client = { [N in keyof Contract]: { [V in keyof Contract[N]]: Call<Contract[N][V] & RouteShape> } }

/**
 * A client for the whole API, typed by the contract. JSON routes give their value, byte and text routes the
 * `Response`, event routes an async iterable that ends when the server says so; one that breaks off throws, with
 * status 0, and can be resumed after the last id. Throws `ApiError`.
 */
export function createClient(options: ClientOptions): Client {
  const nouns = Object.entries(calls).map(([noun, routes]) => {
    const verbs = Object.entries(routes as Record<string, CallShape>).map(([verb, shape]) => [
      verb,
      (input?: Input, call?: CallOptions) => perform(options, shape, input ?? {}, call ?? {}),
    ])
    return [noun, Object.fromEntries(verbs)]
  })
  return Object.fromEntries(nouns) as Client
}

type Input = Record<string, unknown>

function perform(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions): unknown {
  if (shape.stream === 'events') return events(options, shape, input, call)
  return shape.stream ? send(options, shape, input, call) : ask(options, shape, input, call)
}

/** The answer of a route that gives one value. */
async function ask(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions): Promise<unknown> {
  const { exchange = fetchWhole } = options
  const request = buildRequest(options, shape, input, call)
  const answer = await reaching(options, call, () => exchange(request))
  const value = parseJson(answer.text)
  if (!isGood(answer.status) || value === undefined) throw errorOf(answer, value)
  return value
}

async function send(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions): Promise<Response> {
  const response = await reaching(options, call, () => fetchRequest(buildRequest(options, shape, input, call)))
  if (!response.ok) throw errorOf(response, parseJson(await response.text().catch(() => '')))
  return response
}

async function reaching<Answer>({ url }: ClientOptions, call: CallOptions, asked: () => Promise<Answer>) {
  try {
    return await asked()
  } catch (error) {
    throw call.signal?.aborted ? error : unreachable(url, error)
  }
}

async function fetchWhole(request: WireRequest) {
  const response = await fetchRequest(request)
  return { status: response.status, statusText: response.statusText, text: await response.text() }
}

/** With `duplex`, which a body that is a stream needs, and which the types of the DOM do not know. */
function fetchRequest({ url, ...init }: WireRequest): Promise<Response> {
  return fetch(url, { ...init, redirect: 'error', duplex: 'half' } as RequestInit)
}

const isGood = (status: number): boolean => status >= 200 && status < 300

/** The address of a route with these parameters, for what has to be opened by other means, such as a WebSocket. */
export function addressOf(server: string, shape: Pick<CallShape, 'path'>, input: Readonly<Input>): URL {
  const rest = { ...input }
  const path = shape.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = rest[name]
    delete rest[name]
    return encodeURIComponent(String(value))
  })
  const url = new URL(server.replace(/\/+$/, '') + path)
  for (const [name, value] of Object.entries(rest)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) url.searchParams.append(name, String(one))
    }
  }
  return url
}

function buildRequest(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions): WireRequest {
  const { body, contentLength, ...rest } = input
  const headers: Record<string, string> = { ...call.headers }
  if (options.key) headers['authorization'] = `Bearer ${options.key}`
  if (options.agent) headers['user-agent'] = options.agent
  const request: WireRequest = { url: addressOf(options.url, shape, rest), method: shape.method, headers }
  if (call.signal) request.signal = call.signal
  if (shape.sendsBytes) {
    headers['content-type'] = 'application/octet-stream'
    if (contentLength !== undefined) headers['content-length'] = `${contentLength as number}`
    request.body = body as Upload
  } else if (body !== undefined) {
    headers['content-type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  return request
}

async function* events(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions) {
  const headers = { accept: 'text/event-stream', ...call.headers }
  const response = await send(options, shape, input, { ...call, headers })
  call.onOpen?.()
  const ready: StreamEvent<unknown>[] = []
  let failure: ApiError | undefined
  let ended = false
  const parser = createParser({
    onEvent(message) {
      if (message.event === 'error') {
        failure = new ApiError(0, (JSON.parse(message.data) as ErrorBody).error)
      } else if (message.event === 'end') {
        ended = true
      } else {
        ready.push({ id: message.id ?? '', data: JSON.parse(message.data) })
      }
    },
  })
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) {
      call.onBeat?.()
      parser.feed(decoder.decode(chunk, { stream: true }))
      yield* ready.splice(0)
      if (failure) throw failure
      if (ended) return
    }
  } catch (error) {
    if (error instanceof ApiError || call.signal?.aborted) throw error
    throw unreachable(options.url, error)
  }
  throw unreachable(options.url, new Error('the stream broke off'))
}

function errorOf({ status, statusText }: Pick<Response, 'status' | 'statusText'>, value: unknown): ApiError {
  const body = readErrorBody(value)
  if (body) return new ApiError(status, body.error)
  const said = isGood(status) ? 'something that is no JSON' : `${status} ${statusText}`.trim()
  return new ApiError(status, {
    code: 'internal',
    message: `The server answered ${said}.`,
    hint: 'Check that the address is that of a Nabla server.',
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unreachable(url: string, cause: unknown): ApiError {
  return new ApiError(
    0,
    {
      code: 'unreachable',
      message: `The server at ${url} does not answer.`,
      hint: 'Start one with `nabla up`, or name another with --url or `nabla login`.',
    },
    cause,
  )
}
