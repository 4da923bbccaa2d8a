import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { contract } from '@nabla/api'
import type { RouteShape } from '@nabla/api/route'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { CompatSite } from '../compat/site.ts'
import type { Deps } from '../deps.ts'
import type { RequestHead } from '../gateway/caller.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { openPlainDoor } from '../gateway/plain-door.ts'
import { type Proxy, takeProgramPlace } from '../proxy/proxy.ts'
import { AppError } from '../lib/app-error.ts'
import { randomText } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import type { Authenticate } from './auth.ts'
import { type AllHandlers, bindRoutes } from './bind.ts'
import { hasBody } from './body.ts'
import type { Bounds } from './bounds.ts'
import { bindCompat } from './bind-compat.ts'
import type { CompatPlace } from './compat.ts'
import type { Console } from './console.ts'
import { type ContentSite, createContentSite, type OpenContent } from './content.ts'
import { answerBrokenRequest, closeAfterReply, sendError } from './errors.ts'
import { createHostCheck } from './host.ts'
import { guardRequests, setSecurityHeaders } from './guard.ts'
import { Lifetimes } from './lifetimes.ts'
import { createListener } from './listener.ts'
import { observeRequests } from './metrics.ts'
import { createOriginRules } from './origins.ts'
import { routeUpgrade } from './sockets.ts'

export interface AppOptions {
  handlers: AllHandlers
  authenticate: Authenticate
  /** Finds the files that users made, for browsers to show. */
  openContent: OpenContent
  /** What tasks serve; without it their names lead nowhere. */
  proxy?: Proxy
  /** What is served at paths of this server; without it they lead nowhere. */
  gateway?: Pick<Gateway, 'claims' | 'handle' | 'serve' | 'upgrade'>
  /** The pages of the console; without it there are none. */
  pages?: Console
  /** Protocols of others that are spoken beside the contract. */
  compat?: readonly CompatSite[]
  /** Smaller bounds, for tests. */
  bounds?: Partial<Bounds>
}

/** One method and path that the app answers: of the contract, with a `shape`, or of another protocol, with its `compat`. */
export interface RegisteredRoute {
  method: string
  path: string
  shape: RouteShape | undefined
  compat?: CompatPlace | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route there is, as Fastify itself was told. */
    registeredRoutes: RegisteredRoute[]
    /** What users made, on an origin of its own. */
    contentSite: ContentSite
  }
}

/**
 * The HTTP side of the server: the routes of the contract and the console, and beside them the site with what users
 * made, which has another origin and shares nothing with it. Everything is denied unless the contract
 * says otherwise. Closing it aborts the signals of the requests under way and gives them `closeGraceMs`.
 */
export function createApp(deps: Deps, options: AppOptions): FastifyInstance {
  const bounds: Bounds = { ...limits, ...options.bounds }
  const lifetimes = new Lifetimes()
  const content = createContentSite(deps, { open: options.openContent, bounds, createListener })
  const rules = createOriginRules(deps.config, content.port)
  const { proxy, gateway } = options
  const isAllowedHost = createHostCheck(deps.config)
  // Another name may be that of a foreign page: what is open to anyone on this network is not open to that.
  const isServed = (request: RequestHead) =>
    gateway?.claims(request) === true && isAllowedHost(request.headers.host, request.socket.localAddress)
  const isPlainlyServed = (request: RequestHead) => isServed(request) && rules.placeOf(request.headers) === undefined
  const servedPlace = (request: IncomingMessage) =>
    rules.placeOf(request.headers) ??
    (isAllowedHost(request.headers.host, request.socket.localAddress) ? takeProgramPlace(request) : undefined)
  const logger: FastifyBaseLogger = deps.log
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomText(16),
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: bounds.headerBytes },
    // An address that cannot be decoded never comes as far as the guard.
    frameworkErrors(error, request, reply) {
      setSecurityHeaders(request, reply)
      sendError(error, request, reply)
    },
    clientErrorHandler: answerBrokenRequest,
    serverFactory: (handler) => {
      const server = createListener((request, response) => {
        const place = proxy && servedPlace(request)
        if (place) proxy.handle(place, request, response)
        else if (isServed(request)) gateway!.handle(request, response)
        else if (rules.isContent(request.headers.host)) content.handle(request, response)
        else handler(request, response)
      }, bounds)
      if (gateway) openPlainDoor(server, gateway, { clock: deps.clock, bounds, isOurs: isPlainlyServed })
      return server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        const place = proxy && servedPlace(request)
        if (place) proxy.upgrade(place, request, socket, head)
        else if (isServed(request)) gateway!.upgrade(request, socket, head)
        else routeUpgrade(app, request, socket, head)
      })
    },
  })
  app.addHook('preClose', async () => proxy?.close())

  recordRoutes(app)
  closeGently(app, lifetimes, bounds, deps)
  app.removeAllContentTypeParsers()
  // Bodies are read where their route is known (`body.ts`); Fastify leaves them alone.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  observeRequests(app, deps.metrics)
  guardRequests(app, deps, { authenticate: options.authenticate, bounds, lifetimes, rules })
  app.setErrorHandler((error, request, reply) => {
    if (hasBody(request.headers)) closeAfterReply(request, reply, bounds, deps.clock)
    sendError(error, request, reply)
  })
  app.setNotFoundHandler(async (request, reply) => {
    if (await options.pages?.serve(request, reply)) return reply
    const path = request.url.split('?', 1)[0] ?? ''
    throw new AppError('no_route', { method: request.method, path: path.slice(0, 200) })
  })
  const binding = { deps, bounds, lifetimes, streams: new Map() }
  bindRoutes(app, options.handlers, binding)
  bindCompat(app, options.compat ?? [], binding)
  app.decorate('contentSite', content)
  app.addHook('onReady', async () => {
    assertContract(app.registeredRoutes, options.compat)
    await content.ready()
  })
  app.addHook('onClose', () => content.close())
  return app
}

/** Throws unless the routes are those of the contract, all of them, those of the compat sites, and no others. */
export function assertContract(registered: readonly RegisteredRoute[], sites: readonly CompatSite[] = []): void {
  const shapes = Object.values(contract).flatMap((routes) => Object.values(routes) as RouteShape[])
  const wanted = new Set(shapes.flatMap((shape) => methodsOf(shape).map((method) => `${method} ${shape.path}`)))
  const found = new Set(registered.map(({ method, path }) => `${method} ${path}`))
  const compat = new Set<unknown>(sites.flatMap(({ routes }) => routes))
  const foreign = registered
    .filter((route) => !compat.has(route.compat?.route))
    .filter(({ method, path, shape }) => !shape || !wanted.has(`${method} ${path}`))
  if (foreign.length > 0)
    throw new Error(`routes that are not in the contract: ${foreign.map(({ path }) => path).join(', ')}`)
  const missing = [...wanted].filter((route) => !found.has(route))
  if (missing.length > 0) throw new Error(`routes of the contract without a handler: ${missing.join(', ')}`)
}

/** The methods that a route answers to. */
function methodsOf(shape: RouteShape): string[] {
  return shape.method === 'GET' ? ['GET', 'HEAD'] : [shape.method]
}

function recordRoutes(app: FastifyInstance): void {
  app.decorate('registeredRoutes', [])
  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      app.registeredRoutes.push({ method, path: route.url, shape: route.config?.shape, compat: route.config?.compat })
    }
  })
}

/** As soon as nothing is under way all connections go: some may be open without ever having sent a request. */
function closeGently(app: FastifyInstance, lifetimes: Lifetimes, bounds: Bounds, deps: Deps): void {
  let underWay = 0
  let cancel = () => {}
  const closeWhenDone = () => {
    if (lifetimes.closing && underWay === 0) app.server.closeAllConnections()
  }
  app.addHook('onRequest', async (_request, reply) => {
    underWay += 1
    reply.raw.once('close', () => {
      underWay -= 1
      closeWhenDone()
    })
  })
  app.addHook('preClose', async () => {
    lifetimes.abortAll()
    closeWhenDone()
    cancel = deps.clock.after(bounds.closeGraceMs, () => app.server.closeAllConnections())
  })
  app.addHook('onClose', async () => cancel())
}
