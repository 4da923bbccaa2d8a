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
}

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
  if (shape.stream) return send(options, shape, input, call)
  return send(options, shape, input, call).then((response) => response.json())
}

async function send(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions): Promise<Response> {
  const { url, init } = buildRequest(options, shape, input, call)
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (error) {
    if (call.signal?.aborted) throw error
    throw unreachable(options.url, error)
  }
  if (!response.ok) throw await readError(response)
  return response
}

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

function buildRequest(options: ClientOptions, shape: CallShape, input: Input, call: CallOptions) {
  const { body, contentLength, ...rest } = input
  const url = addressOf(options.url, shape, rest)
  const headers = new Headers(call.headers)
  if (options.key) headers.set('authorization', `Bearer ${options.key}`)
  if (options.agent) headers.set('user-agent', options.agent)
  const init: RequestInit & { duplex?: 'half' } = { method: shape.method, headers, redirect: 'error' }
  if (call.signal) init.signal = call.signal
  if (shape.sendsBytes) {
    headers.set('content-type', 'application/octet-stream')
    if (contentLength !== undefined) headers.set('content-length', `${contentLength as number}`)
    init.body = body as Upload
    init.duplex = 'half'
  } else if (body !== undefined) {
    headers.set('content-type', 'application/json')
    init.body = JSON.stringify(body)
  }
  return { url, init }
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

async function readError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  const body = readErrorBody(parseJson(text))
  if (body) return new ApiError(response.status, body.error)
  return new ApiError(response.status, {
    code: 'internal',
    message: `The server answered ${response.status} ${response.statusText}.`,
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
