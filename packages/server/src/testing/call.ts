import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contract, type Noun } from '@nabla/api'
import type { Client } from '@nabla/api/client'
import { isStreamed, type RouteShape } from '@nabla/api/route'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { EventFeed } from '../events/feed.ts'
import type { Caller, EventStream, Handlers } from '../kinds/kind.ts'
import { createSignInAttempts } from '../kinds/session/credentials.ts'
import { TestClock } from '../lib/clock.ts'
import { openSecretBox } from '../lib/secret-box.ts'
import { createSessionCookie } from '../lib/session-cookie.ts'
import type { TestDatabase } from './database.ts'

/** What the handlers of plain kinds need, all of it real but for the loop, whose wake-ups are noted. */
export interface KindDeps extends Pick<Deps, 'db' | 'feed' | 'box' | 'cookie' | 'signIns'> {
  clock: TestClock
  woken: string[]
}

/** Made in a test; its folder is gone when the test is over. */
export function kindDeps(database: TestDatabase): KindDeps {
  const data = mkdtempSync(join(tmpdir(), 'nabla-kind-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const { db } = database
  const clock = new TestClock()
  const woken: string[] = []
  const loop = { wake: (id: string) => void woken.push(id) }
  const box = openSecretBox(data)
  const [cookie, signIns] = [createSessionCookie(box), createSignInAttempts(clock)]
  return { db, clock, box, cookie, signIns, feed: new EventFeed(db, clock), woken, loop } as KindDeps
}

/**
 * The handlers of a noun, called as `caller` the way the HTTP side does: input and answer are held to the contract,
 * and what the contract refuses is thrown as zod's error. Looks like the client of the API.
 */
export function callAs<N extends Noun>(noun: N, handlers: Handlers<N>, deps: KindDeps, caller: Caller): Client[N] {
  const calls = Object.entries(contract[noun] as Record<string, RouteShape>).map(([verb, shape]) => {
    const handler = (handlers as unknown as Record<string, AnyHandler>)[verb]!
    return [verb, (input?: Input, options?: CallOptions) => perform(shape, handler, { deps, caller, input, options })]
  })
  return Object.fromEntries(calls) as Client[N]
}

type Input = Record<string, unknown>
type AnyHandler = (request: unknown, deps: KindDeps) => unknown

interface CallOptions {
  signal?: AbortSignal
  headers?: Record<string, string>
}

interface Call {
  deps: KindDeps
  caller: Caller
  input: Input | undefined
  options: CallOptions | undefined
}

function perform(shape: RouteShape, handler: AnyHandler, call: Call): unknown {
  if (isStreamed(shape.response)) return streamed(shape, handler, call)
  return answered(shape, shape.response, handler, call)
}

async function answered(shape: RouteShape, response: z.ZodType, handler: AnyHandler, call: Call): Promise<unknown> {
  const answer = await handler(toRequest(shape, call), call.deps)
  // A field too many would be dropped in silence; here it is a mistake.
  return (response instanceof z.ZodObject ? response.strict() : response).parse(answer)
}

async function* streamed(shape: RouteShape, handler: AnyHandler, call: Call): AsyncGenerator {
  const { events } = (await handler(toRequest(shape, call), call.deps)) as EventStream
  yield* events
}

function toRequest(shape: RouteShape, { caller, input = {}, options = {} }: Call): unknown {
  const { body, ...rest } = input
  const inPath = Object.keys(shape.params?.shape ?? {})
  const params = Object.fromEntries(Object.entries(rest).filter(([name]) => inPath.includes(name)))
  const query = Object.fromEntries(Object.entries(rest).filter(([name]) => !inPath.includes(name)))
  return {
    params: shape.params?.parse(params) ?? {},
    // The query of a URL is text.
    query: shape.query?.strict().parse(JSON.parse(JSON.stringify(query), asText)) ?? {},
    body: shape.body instanceof z.ZodType ? shape.body.parse(body) : undefined,
    caller,
    signal: options.signal ?? new AbortController().signal,
    headers: options.headers ?? {},
    address: '127.0.0.1',
    origins: { own: 'http://127.0.0.1:7070', content: 'http://content.localhost:7070' },
    answerHeaders: {},
    requestId: 'test',
  }
}

const asText = (_: string, value: unknown): unknown => (typeof value === 'number' ? `${value}` : value)
