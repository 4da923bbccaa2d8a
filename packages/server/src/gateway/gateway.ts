import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { Tick } from '../metrics/metric-store.ts'
import { responseHeaders as originHeaders } from '../proxy/headers.ts'
import { refuseSocket } from '../proxy/problem.ts'
import { tunnel } from '../proxy/tunnel.ts'
import type { AccessLog } from './access-log.ts'
import { Admission, type FindKey, type Sender } from './admit.ts'
import { type Caller, NodeCaller, type RequestHead } from './caller.ts'
import { type HeadersOf, type Onward, type Outcome, problemOf } from './exchange.ts'
import { connectionOf, requestIdOf, requestHeaders, responseHeaders, toList, toTable } from './headers.ts'
import { Lately } from './lately.ts'
import { Lines } from './line.ts'
import { type Figures, Meter, valuesOf } from './meter.ts'
import type { Peers } from './peers.ts'
import { Rates } from './rates.ts'
import { mayRepeat, splitPath } from './rules.ts'
import type { Route } from './route.ts'
import { type Answer, type Asked, ask } from './send.ts'
import { copyTo, shadowOf } from './shadow.ts'
import { type Entry, RouteTable } from './table.ts'
import type { Upstream } from './upstream.ts'
import type { Report } from './wire.ts'

export interface GatewayOptions {
  clock: Clock
  log: Pick<Logger, 'debug'>
  findKey: FindKey
  accessLog?: AccessLog
  /** Takes what was measured of a route at one moment. */
  measured?: (routeId: string, tick: Tick) => void
  /** Gateways that are processes of their own, for which this one speaks too. */
  peers?: Peers
}

/** What was let in elsewhere: headers are clean of what is ours, `url` is what the target is to see. */
export interface Given {
  request: IncomingMessage
  url: string
  headers: Record<string, string | string[]>
}

/** Where requests for routes begin, on the address of the server itself. */
export const pathPrefix = '/serve/'

/**
 * The data plane: lets requests in, chooses a target, and passes both directions on as streams. No query of a database
 * is on its way: routes are handed to it, whole, whenever something changed.
 */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #table: RouteTable
  readonly #lines: Lines
  readonly #meter = new Meter()
  readonly #lately = new Lately()
  readonly #rates: Rates
  readonly #admission: Admission
  readonly #closed = new AbortController()
  /** Is told of a request that has to wait for a target, and of a target that has nothing under way any more. */
  onWait: (routeId: string) => void = () => {}
  onIdle: (targetId: string) => void = () => {}
  /** Figures of each route since the last time, by revision. */
  onFigures: (routeId: string, figures: ReadonlyMap<number, Figures>) => void = () => {}
  #cancelTick = () => {}
  #tickAt: number

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#table = new RouteTable(options.clock, (id) => this.onIdle(id))
    this.#lines = new Lines(options.clock, this.#table, (id) => this.onWait(id))
    this.#rates = new Rates(options.clock)
    this.#admission = new Admission(options.clock, options.findKey)
    this.#tickAt = options.clock.steady()
    if (options.measured) this.#armTick()
    const { peers } = options
    if (!peers) return
    peers.onIdle = (id) => this.onIdle(id)
    peers.onWait = (id) => this.onWait(id)
    peers.onCounted = (counted) => this.#meter.add(counted)
  }

  /** From now on these routes are served and no others. Requests under way go on. */
  replace(routes: readonly Route[]): void {
    this.#table.replace(routes)
    this.#lines.lookAtAll()
    this.#options.peers?.replace(routes)
  }

  /** Requests and sockets under way at a target, through all gateways; 0 for one that is not known. */
  outstanding(targetId: string): number {
    return this.#table.outstanding(targetId) + (this.#options.peers?.outstanding(targetId) ?? 0)
  }

  /** Whether a target that is in no route any more has nothing under way, and every gateway has confirmed that. */
  isIdle(targetId: string): boolean {
    return this.#table.outstanding(targetId) === 0 && this.#options.peers?.isIdle(targetId) !== false
  }

  /** Requests that wait for a target of a route, at all gateways. */
  queued(routeId: string): number {
    return this.#lines.length(routeId) + (this.#options.peers?.queued(routeId) ?? 0)
  }

  /** Requests per second of a route in the last seconds, through all gateways. */
  rate(routeId: string): number {
    return this.#lately.rateOf(routeId)
  }

  /** How it does by itself, for the server that it works for; what was counted is counted anew. */
  takeReport(applied: number): Report {
    return {
      applied,
      outstanding: this.#table.allOutstanding(),
      queued: this.#lines.lengths(),
      counted: this.#meter.takeAll(),
    }
  }

  /** Whether a request is for a route, by its path. */
  claims({ url }: Pick<RequestHead, 'url'>): boolean {
    return url?.startsWith(pathPrefix) === true
  }

  /** Answers a request whose path begins with `/serve/`, by the key or the password that it brings. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.serve(new NodeCaller(request, response, this.#options.clock))
  }

  /** The same for one that may be plain. */
  serve(caller: Caller): void {
    const requestId = requestIdOf(caller.request)
    this.#serve(caller, requestId).catch((error: unknown) => this.#refuse(caller, error, requestId))
  }

  /** The same for a request that was let in by other means, at an origin of its own. Rejects with AppError. */
  async take(routeId: string, response: ServerResponse, given: Given): Promise<void> {
    const entry = this.#table.get(routeId)
    if (!entry) throw new AppError('not_served')
    const { request, url, headers } = given
    const requestId = requestIdOf(request)
    const headersOf: HeadersOf = (raw) => {
      const rawHeaders = raw.map((text) => (typeof text === 'string' ? text : text.toString('latin1')))
      return originHeaders({ rawHeaders, headers: connectionOf(rawHeaders) } as IncomingMessage)
    }
    const list = toList({ ...headers, 'x-request-id': requestId })
    await this.#pass(entry, new NodeCaller(request, response, this.#options.clock), {
      onward: { url, headers: list },
      headersOf,
      requestId,
    })
  }

  /** A WebSocket whose path begins with `/serve/`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    this.#join(request, socket, head).catch((error: unknown) => {
      if (socket.writable) refuseSocket(socket, this.#known(error, request.url ?? ''))
      else socket.destroy()
    })
  }

  /** The same for one that was let in by other means. Rejects with AppError. */
  async takeSocket(routeId: string, socket: Duplex, head: Buffer, given: Given): Promise<void> {
    const entry = this.#table.get(routeId)
    if (!entry) throw new AppError('not_served')
    await this.#tunnel(entry, { request: given.request, socket, head }, given)
  }

  /** Sends one request of our own, and reads its answer whole. Throws AppError. */
  async send(routeId: string, asked: Asked, signal: AbortSignal): Promise<Answer> {
    const entry = this.#table.get(routeId)
    if (!entry) throw new AppError('no_instance', { name: routeId, reason: 'it is not known here yet' })
    const upstream = await this.#lines.take(routeId, none, () => signal)
    const began = this.#options.clock.steady()
    try {
      const answer = await ask(upstream, asked, entry.route, signal)
      this.#meter.record(routeId, upstream.revision, this.#options.clock.steady() - began, answer.status >= 500)
      return { ...answer, revision: upstream.revision }
    } catch (error) {
      this.#meter.record(routeId, upstream.revision, this.#options.clock.steady() - began, true)
      throw problemOf(error as Error, entry.route)
    } finally {
      this.#release(routeId, upstream)
    }
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#cancelTick()
    this.#closed.abort()
    this.#table.replace([])
    this.#lines.lookAtAll()
    await this.#table.close()
  }

  async #serve(caller: Caller, requestId: string): Promise<void> {
    caller.letIn()
    const { request } = caller
    const admitted = this.#admit(request)
    const { entry, sender, url } = admitted instanceof Promise ? await admitted : admitted
    const { route } = entry
    this.#rates.take(route, sender.name)
    const { user } = sender
    const headers = requestHeaders(request, { requestId, user, secure: false }, route.access.kind === 'basic')
    const headersOf: HeadersOf = (raw, revision) => responseHeaders(raw, requestId, revision)
    await this.#pass(entry, caller, { onward: { url, headers }, headersOf, requestId, user })
  }

  /** Throws or rejects with AppError. */
  #admit(request: RequestHead): Admitted | Promise<Admitted> {
    const { name, url } = splitPath(request.url ?? '/')
    const asked = this.#admission.senderOf(request)
    if (asked instanceof Promise) return asked.then((sender) => this.#admitted(request, name, url, sender))
    return this.#admitted(request, name, url, asked)
  }

  #admitted(request: RequestHead, name: string, url: string, sender: Sender): Admitted {
    const entry = this.#find(name, sender)
    if (!entry) {
      if (sender.teamId === undefined) throw new AppError('deployment_login', { name })
      throw new AppError('not_served')
    }
    this.#admission.assertMay(entry.route, sender, request)
    return { entry, sender, url }
  }

  /** By id, or by a name of the sender's team; without a key only what such a sender may use. */
  #find(reference: string, { teamId }: Sender): Entry | undefined {
    const byId = this.#table.get(reference)
    if (byId) return byId
    const named = this.#table.named(reference)
    const own = named.filter(({ route }) => route.teamId === teamId)
    if (own.length > 0) return own[0]
    const open = named.filter(
      ({ route }) => route.access.kind === 'public' || (teamId === undefined && route.access.kind === 'basic'),
    )
    return open.length === 1 ? open[0] : undefined
  }

  /** Sends a request to targets until one answers, as long as that is safe. */
  async #pass({ route }: Entry, caller: Caller, passing: Passing): Promise<void> {
    const { clock, accessLog } = this.#options
    const { request } = caller
    const began = clock.steady()
    const found = caller.readBody(route.bodyBytes)
    const body = found instanceof Promise ? await found : found
    const { url, headers } = passing.onward
    const method = request.method ?? 'GET'
    const onward: Onward = { method, url, headers, body, timeoutMs: route.timeoutMs, idleMs: route.idleMs }
    let tried: Set<string> | undefined
    for (let sent = 0; ;) {
      const taken = this.#lines.take(route.id, tried ?? none, () => caller.goneSignal())
      const upstream = taken instanceof Promise ? await taken : taken
      if (route.shadow !== null && tried === undefined) this.#shadow(route.id, upstream, onward)
      const outcome = await caller.exchange(upstream, onward, passing.headersOf)
      this.#release(route.id, upstream)
      const ms = clock.steady() - began
      if (outcome.did === 'fail' && !outcome.sent) this.#lines.suspect(route.id, upstream)
      if (outcome.did === 'fail' && outcome.sent) sent += 1
      // What was refused everywhere waits, as what finds no target does, and as long.
      const mayGoOn = outcome.did === 'fail' && sent < limits.gatewayTries && (outcome.sent || ms < route.queueMs)
      if (mayGoOn && !caller.isGone && mayRepeat(route, request, body, outcome)) {
        tried = (tried ?? new Set()).add(upstream.id)
        continue
      }
      const startedAt = outcome.did === 'fail' ? null : outcome.startedAt
      this.#note(route, upstream, outcome, startedAt === null ? ms : startedAt - began)
      if (outcome.did === 'fail' && !caller.isGone) throw problemOf(outcome.error, route)
      const { requestId, user } = passing
      accessLog?.write({ ...aboutOf(request, requestId, user), ...placeOf(route, upstream), ...endOf(outcome, ms) })
      return
    }
  }

  #note({ id }: Route, { revision }: Upstream, outcome: Outcome, ms: number): void {
    // Whoever goes away has not been failed by the target.
    const failed = outcome.did === 'fail' || (outcome.did === 'answer' && outcome.status >= 500)
    this.#meter.record(id, revision, ms, failed)
  }

  #release(routeId: string, upstream: Upstream): void {
    upstream.end()
    this.#lines.look(routeId)
  }

  #shadow(routeId: string, { revision }: Upstream, onward: Onward): void {
    const entry = this.#table.get(routeId)
    // A body that is a stream is there once only.
    const hasCopy = onward.body === null || Buffer.isBuffer(onward.body)
    const upstream = entry && hasCopy ? shadowOf(entry, revision) : undefined
    if (!upstream) return
    upstream.begin()
    void copyTo(upstream, onward, this.#options.clock).then(({ ms, failed }) => {
      this.#meter.record(routeId, upstream.revision, ms, failed)
      this.#release(routeId, upstream)
    })
  }

  async #join(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { entry, sender, url } = await this.#admit(request)
    const { route } = entry
    this.#rates.take(route, sender.name)
    const requestId = requestIdOf(request)
    const list = requestHeaders(request, { requestId, user: sender.user, secure: false }, route.access.kind === 'basic')
    const { clock, accessLog } = this.#options
    const began = clock.steady()
    const upstream = await this.#tunnel(entry, { request, socket, head }, { url, headers: toTable(list) })
    const end = { status: 101, ms: clock.steady() - began }
    accessLog?.write({ ...aboutOf(request, requestId, sender.user), ...placeOf(route, upstream), ...end })
  }

  async #tunnel(
    { route }: Entry,
    client: { request: IncomingMessage; socket: Duplex; head: Buffer },
    { url, headers }: Pick<Given, 'url' | 'headers'>,
  ): Promise<Upstream> {
    const gone = new AbortController()
    client.socket.once('close', () => gone.abort())
    const signal = AbortSignal.any([gone.signal, this.#closed.signal])
    const upstream = await this.#lines.take(route.id, none, () => signal)
    try {
      const { host, port } = upstream
      await tunnel(client, { served: { pathPrefix: '' }, address: { host, port } }, { url, headers, signal })
      return upstream
    } catch (error) {
      throw problemOf(error as Error, route)
    } finally {
      this.#release(route.id, upstream)
    }
  }

  #refuse(caller: Caller, error: unknown, requestId: string): void {
    const known = this.#known(error, requestId)
    const { status, code: refused } = known
    this.#options.accessLog?.write({ ...aboutOf(caller.request, requestId, undefined), status, refused, ms: 0 })
    caller.refuse(known, requestId)
  }

  #known(error: unknown, requestId: string): AppError {
    if (error instanceof AppError) return error
    this.#options.log.debug({ err: error, requestId }, 'a request could not be passed on')
    return new AppError('serving_failed', { name: 'the deployment' })
  }

  #armTick(): void {
    this.#cancelTick = this.#options.clock.after(limits.metricSampleMs, () => {
      this.#armTick()
      this.#tick()
    })
  }

  #tick(): void {
    const { clock, measured } = this.#options
    const now = clock.steady()
    const seconds = Math.max(0.001, (now - this.#tickAt) / 1000)
    this.#tickAt = now
    const all = new Map([...this.#table.all()].map(({ route: { id } }) => [id, this.#meter.take(id, seconds)] as const))
    this.#lately.note(all)
    for (const { route, upstreams } of this.#table.all()) {
      const figures = all.get(route.id) ?? new Map<number, Figures>()
      this.onFigures(route.id, figures)
      if (upstreams.length === 0 && figures.size === 0) continue
      const targets = upstreams.map(({ id, revision }) => ({ revision, outstanding: this.outstanding(id) }))
      measured?.(route.id, { at: clock.now(), values: valuesOf(figures, targets, this.queued(route.id)) })
    }
  }
}

/** How a request goes on, and its answer back. */
interface Passing {
  onward: Pick<Onward, 'url' | 'headers'>
  headersOf: HeadersOf
  requestId: string
  user?: string | undefined
}

interface Admitted {
  entry: Entry
  sender: Sender
  url: string
}

const none: ReadonlySet<string> = new Set()

const aboutOf = (request: RequestHead, requestId: string, user: string | undefined) => ({
  requestId,
  address: request.socket.remoteAddress ?? '',
  user,
  method: request.method ?? '',
  url: request.url ?? '',
})

const placeOf = ({ name, id: route }: Route, { id: target, revision }: Upstream) => ({ name, route, target, revision })

const endOf = (outcome: Outcome, ms: number) => ({ status: outcome.did === 'answer' ? outcome.status : null, ms })
