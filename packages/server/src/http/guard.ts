import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import type { Caller } from '../kinds/kind.ts'
import { type Authenticate, FailureLimiter, keyOf } from './auth.ts'
import { bodyLimit, checkAnnouncedSize, hasBody } from './body.ts'
import type { Bounds } from './bounds.ts'
import { basicKeyOf, compatBodyLimit, type CompatPlace } from './compat.ts'
import { closeAfterReply } from './errors.ts'
import { createHostCheck, isSameSite } from './host.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { OriginRules } from './origins.ts'
import { assertOwnPage } from './own-page.ts'
import { cameByProgramDoor } from './program-door.ts'
import { asksForSocket } from './sockets.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * What the key of a job is good for, beside protocols of others: to track and to register what it made, and to run trials
 * of sweeps.
 */
const forPrograms = /^\/api\/v1\/((runs|run-[a-z]+|models)(\/|$)|sweeps\/:sweep\/(ask|trials\/:number\/(report|tell))$)/

/** For every response that does not say otherwise itself. */
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers(securityHeaders).header('x-request-id', request.id)
}

export interface GuardOptions {
  authenticate: Authenticate
  bounds: Bounds
  lifetimes: Lifetimes
  rules: OriginRules
}

/**
 * What every request has to pass before any of its body is read: the host name, the origin, the key or the
 * session, the role, the announced size. Denied is whatever the contract does not allow. An address where there is no route answers
 * `no_route` to anyone: which routes there are is no secret, /docs lists them.
 */
export function guardRequests(
  app: FastifyInstance,
  deps: Deps,
  { authenticate, bounds, lifetimes, rules }: GuardOptions,
): void {
  const isAllowedHost = createHostCheck(deps.config)
  const limiter = new FailureLimiter(deps.clock, bounds)
  app.decorateRequest('caller', null)
  app.decorateRequest('origins')
  app.decorateRequest('recheck')

  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(request, reply)
    if (lifetimes.closing) throw new AppError('busy', { detail: 'it is being stopped' })
    const { host, origin } = request.headers
    // What users made or serve has origins of its own, where nothing of this app is found.
    if (rules.isContent(host) || rules.placeOf(request.headers) || !isAllowedHost(host, request.socket.localAddress)) {
      throw new AppError('wrong_host', { host: (host ?? 'none').slice(0, 100) })
    }
    if (origin !== undefined && !isSafe(request) && !isSameSite(origin, host)) {
      throw new AppError('wrong_origin', { origin: origin.slice(0, 100) })
    }
    request.origins = rules.of(request.headers, request.socket)
    if (!request.is404) await admit(request, reply)
    refuseAtProgramDoor(request)
    prepareForBody(request, reply, bounds, deps)
  })

  async function admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { shape, compat } = request.routeOptions.config
    if (compat) {
      request.caller = await identifyProgram(request, compat)
      checkAnnouncedSize(request.headers, compatBodyLimit(compat.route, bounds))
      return
    }
    if (shape?.access === 'anyone') {
      // Nobody is signed in here by a page of another site.
      if (!safeMethods.has(request.method)) assertOwnPage(request.method, request.headers, { loose: true })
      return
    }
    const caller = await identify(request, reply)
    if (!shape || (caller.jobId !== undefined && !forPrograms.test(shape.path))) {
      throw new AppError('forbidden', { action: 'use this address' })
    }
    if (shape.access === 'admin' && caller.role !== 'admin') {
      throw new AppError('forbidden', { action: 'do this: it takes an admin of the team' })
    }
    request.caller = caller
    request.recheck = () => recheck(request, caller, authenticate, deps)
    if (shape.body !== undefined) checkAnnouncedSize(request.headers, bodyLimit(shape, bounds))
  }

  /** Clients of other protocols have a key; what a browser is signed in with is of no use there. */
  async function identifyProgram(request: FastifyRequest, { site }: CompatPlace): Promise<Caller> {
    const { headers, params, ip } = request
    const known = await site.callerIn?.(params as Record<string, string>, deps)
    if (known) return known
    const key = keyOf(headers) ?? basicKeyOf(headers.authorization) ?? site.keyIn?.(params as Record<string, string>)
    if (key === undefined) throw new AppError('unauthenticated')
    return limiter.check(ip, key, (text) => authenticate.key(text, deps))
  }

  /** A request that has both a key and a cookie is that of the key. */
  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const key = keyOf(request.headers)
    if (key !== undefined) return limiter.check(request.ip, key, (text) => authenticate.key(text, deps))
    const secure = request.origins.own.startsWith('https:')
    const token = deps.cookie.read(request.headers, secure)
    if (token === undefined) throw new AppError('unauthenticated')
    assertOwnPage(asksForSocket(request.raw) ? 'CONNECT' : request.method, request.headers)
    try {
      return await authenticate.session(token, deps)
    } catch (error) {
      if (error instanceof AppError) void reply.header('set-cookie', deps.cookie.forget(secure))
      throw error
    }
  }
}

const isSafe = ({ method, raw }: FastifyRequest): boolean => safeMethods.has(method) && !asksForSocket(raw)

/** What lies open to anyone is for people: a container has no business there. */
function refuseAtProgramDoor({ raw, caller }: FastifyRequest): void {
  if (!cameByProgramDoor(raw) || caller?.jobId !== undefined) return
  throw new AppError('forbidden', { action: 'use this from a container without the key of its job' })
}

/** A stream is open for long: whoever is signed out meanwhile, or acts in another team, hears no more of it. */
async function recheck(
  request: FastifyRequest,
  { teamId }: Caller,
  authenticate: Authenticate,
  deps: Deps,
): Promise<void> {
  const { headers, origins } = request
  const key = keyOf(headers)
  const token = deps.cookie.read(headers, origins.own.startsWith('https:'))
  const now = key === undefined ? await authenticate.session(token ?? '', deps) : await authenticate.key(key, deps)
  if (now.teamId !== teamId) throw new AppError('session_ended')
}

function prepareForBody(request: FastifyRequest, reply: FastifyReply, bounds: Bounds, { clock }: Deps): void {
  if (!hasBody(request.headers)) return
  const { shape, compat } = request.routeOptions.config
  // Some old clients send the header and nothing in it.
  if (compat && request.raw.headers['content-type'] === '') delete request.raw.headers['content-type']
  const wanted = compat ? compat.route.method !== 'GET' || compat.route.bodyToo === true : shape?.body !== undefined
  if (!wanted) closeAfterReply(request, reply, bounds, clock)
  else if (/^100-continue$/i.test(request.headers.expect ?? '')) reply.raw.writeContinue()
}
