import { type Contract, contract } from '@nabla/api'
import { isStreamed, type RouteShape, type Streamed } from '@nabla/api/route'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Caller, EventStream, Handlers, Origins, Request, Stream } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { assert } from '../lib/assert.ts'
import { bodyLimit, openUpload, readJson } from './body.ts'
import type { Bounds } from './bounds.ts'
import { sendOwnText, sendUserBytes } from './bytes.ts'
import { logFailure, toAppError, toErrorBody } from './errors.ts'
import { describeIssues } from './invalid.ts'
import type { Lifetimes } from './lifetimes.ts'
import { openSocket } from './sockets.ts'
import { writeEvents } from './sse.ts'

/** The handlers of every noun of the contract. */
export type AllHandlers = { [N in keyof Contract]: Handlers<N> }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for the routes of the contract. A route without it answers nobody. */
    shape?: RouteShape
  }
  interface FastifyRequest {
    caller: Caller | null
    /** Throws AppError once the caller is not who they were when they asked. */
    recheck?: () => Promise<void>
    origins: Origins
  }
}

/** What a handler is, once its route is known only at run time. */
type AnyHandler = (request: Request<RouteShape>, deps: Deps) => unknown

interface BoundRoute {
  name: string
  shape: RouteShape
  handler: AnyHandler
  params: z.ZodType
  query: z.ZodType
}

export interface Binding {
  deps: Deps
  bounds: Bounds
  lifetimes: Lifetimes
  /** Streams that each key or session holds open. */
  streams: Map<string, number>
}

/** Registers every route of the contract with its handler; GET routes answer HEAD too. */
export function bindRoutes(app: FastifyInstance, handlers: AllHandlers, binding: Binding): void {
  for (const [noun, routes] of Object.entries(contract)) {
    for (const [verb, shape] of Object.entries(routes as Record<string, RouteShape>)) {
      const ofNoun = handlers[noun as keyof AllHandlers] as unknown as Record<string, AnyHandler>
      const route: BoundRoute = {
        name: `${noun}.${verb}`,
        shape,
        handler: ofNoun[verb] as AnyHandler,
        params: shape.params ?? z.object({}),
        query: querySchema(shape),
      }
      app.route({
        method: shape.method === 'GET' ? ['GET', 'HEAD'] : shape.method,
        url: shape.path,
        config: { shape },
        handler: (request, reply) => serve(route, request, reply, binding),
      })
    }
  }
}

/** An unknown parameter is refused, but for pages that anyone may open: links to them gather all sorts. */
function querySchema(shape: RouteShape): z.ZodType {
  const query = shape.query ?? z.object({})
  return shape.access === 'anyone' ? query : query.strict()
}

async function serve(route: BoundRoute, request: FastifyRequest, reply: FastifyReply, binding: Binding) {
  const { shape } = route
  refuseNul(request)
  const params = check('The address', route.params, request.params)
  const query = check('The query', route.query, request.query)
  const release = takeStreamPlace(shape, request.caller, binding)
  const { signal, close } = binding.lifetimes.open(reply.raw)
  try {
    const input = {
      params,
      query,
      body: await readBody(shape, request, binding),
      upload: shape.body === 'bytes' ? openUpload(request.raw, bodyLimit(shape, binding.bounds)) : undefined,
      caller: request.caller,
      signal,
      headers: request.headers,
      address: request.ip,
      origins: request.origins,
      answerHeaders: {},
      requestId: request.id,
    } as Request<RouteShape>
    const result = await route.handler(input, binding.deps)
    if (isStreamed(shape.response)) {
      await sendStream(result as Stream, shape.response, { request, reply, signal, binding })
    } else {
      const text = serialize(route, shape.response, result)
      await reply.headers(input.answerHeaders).type('application/json; charset=utf-8').send(text)
    }
  } catch (error) {
    throw signal.aborted && isAbort(error) ? new AppError('busy', { detail: 'it is about to stop' }) : error
  } finally {
    close()
    release()
  }
  return reply
}

/** Whether work ended since its signal told it to: the client has left or the server stops, and neither is a bug. */
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** No name or path holds a NUL, and PostgreSQL takes no text with one, not even to look for it. */
export function refuseNul({ params, query }: FastifyRequest): void {
  const values = [params, query].flatMap((given) => Object.values(given as Record<string, unknown>)).flat()
  if (values.some((value) => typeof value === 'string' && value.includes('\0'))) {
    throw new AppError('invalid', { detail: 'The address holds a NUL character (%00).' })
  }
}

async function readBody(shape: RouteShape, request: FastifyRequest, { bounds, deps }: Binding): Promise<unknown> {
  if (shape.body === undefined || shape.body === 'bytes') return undefined
  return check('The body', shape.body, await readJson(request.raw, bounds, deps.clock))
}

/** Parses what came from outside. Throws AppError `invalid` that names every field that is wrong. */
export function check(what: string, schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError('invalid', { detail: describeIssues(what, schema, value, parsed.error.issues) })
}

/** What a handler returns has to fit the contract; fields that it does not name are left out. */
function serialize(route: BoundRoute, schema: z.ZodType, result: unknown): string {
  const parsed = schema.safeParse(result)
  if (parsed.success) return JSON.stringify(parsed.data)
  throw new Error(`the response of ${route.name} does not fit the contract: ${z.prettifyError(parsed.error)}`)
}

/** Counts the streams of a key or session; returns what ends the count. Throws AppError `busy` when it has too many. */
function takeStreamPlace(shape: RouteShape, caller: Caller | null, { streams, bounds }: Binding): () => void {
  if (!caller || !isStreamed(shape.response) || shape.response.stream === 'text') return () => undefined
  const holder = caller.sessionId ?? caller.keyId ?? caller.userId
  const open = streams.get(holder) ?? 0
  if (open >= bounds.streamsPerKey) {
    throw new AppError('busy', {
      detail: `this ${caller.sessionId === null ? 'API key' : 'session'} has ${open} streams open, and may have no more`,
    })
  }
  streams.set(holder, open + 1)
  return () => {
    const left = (streams.get(holder) ?? 1) - 1
    if (left > 0) streams.set(holder, left)
    else streams.delete(holder)
  }
}

interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
  signal: AbortSignal
  binding: Binding
}

async function sendStream(stream: Stream, shape: Streamed, exchange: Exchange): Promise<void> {
  const { request, reply } = exchange
  if ('events' in stream) {
    await sendEvents(stream, shape, exchange)
    return
  }
  if ('open' in stream) {
    const { signal, binding } = exchange
    await openSocket(request, reply, { signal, clock: binding.deps.clock }, (socket) => stream.open(socket))
    return
  }
  try {
    await (shape.stream === 'bytes' ? sendUserBytes : sendOwnText)(stream, request, reply)
  } finally {
    if (typeof stream.body !== 'string') stream.body.destroy()
  }
}

async function sendEvents(stream: EventStream, shape: Streamed, exchange: Exchange): Promise<void> {
  const { request, reply, signal, binding } = exchange
  assert(shape.stream === 'events', 'a handler returns events only where the contract has them')
  // X-Accel-Buffering: nginx would hold events back otherwise.
  void reply.type('text/event-stream; charset=utf-8').headers({ 'x-accel-buffering': 'no' })
  reply.hijack()
  reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>)
  if (request.method === 'HEAD') {
    reply.raw.end()
    await stream.events[Symbol.asyncIterator]().return?.()
    return
  }
  reply.raw.flushHeaders()
  await writeEvents(stream, {
    response: reply.raw,
    signal,
    clock: binding.deps.clock,
    heartbeatMs: binding.bounds.heartbeatMs,
    schema: shape.event,
    recheck: request.recheck ?? (() => Promise.resolve()),
    onError(error) {
      const known = toAppError(error, request.id)
      logFailure(error, known, request, reply)
      return toErrorBody(known, request.id)
    },
  })
}
