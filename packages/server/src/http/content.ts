import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Deps } from '../deps.ts'
import type { ByteStream } from '../kinds/kind.ts'
import { AppError } from '../lib/app-error.ts'
import { randomText } from '../lib/ids.ts'
import type { Bounds } from './bounds.ts'
import { sendContent } from './bytes.ts'
import { hasBody } from './body.ts'
import { closeAfterReply, sendError } from './errors.ts'
import { Lifetimes } from './lifetimes.ts'
import { observeRequests } from './metrics.ts'

/** Finds what a ticket is good for. `shownBy`: the origin whose pages may show it in a frame. */
export type OpenContent = (
  given: {
    ticket: string
    path: string
    headers: Record<string, string | string[] | undefined>
    signal: AbortSignal
  },
  deps: Deps,
) => Promise<{ stream: ByteStream; shownBy: string }>

/** What users made, for browsers to show: an app of its own, with one route. */
export interface ContentSite {
  handle: RequestListener
  /** Answers at a port of its own too; 0 takes a free one. Throws what listening throws. */
  listen(address: { host: string; port: number }): Promise<void>
  /** That port; null if there is none. */
  port(): number | null
  ready(): Promise<void>
  close(): Promise<void>
}

/**
 * Serves files that users made on an origin of its own. No key and no cookie is looked at here: the address holds a
 * ticket, and nothing of the API can be reached, whatever a page that is shown here tries.
 */
export function createContentSite(
  deps: Deps,
  { open, bounds, createListener }: { open: OpenContent; bounds: Bounds; createListener: ListenerFactory },
): ContentSite {
  const app = createContentApp(deps, open, bounds)
  let server: Server | undefined
  return {
    handle: (request, response) => app.routing(request, response),
    async listen(address) {
      server = createListener((request, response) => app.routing(request, response), bounds)
      server.listen(address)
      await once(server, 'listening')
    },
    port: () => (server?.listening ? (server.address() as AddressInfo).port : null),
    async ready() {
      await app.ready()
    },
    async close() {
      server?.close()
      server?.closeAllConnections()
      await app.close()
    },
  }
}

type ListenerFactory = (handler: RequestListener, bounds: Bounds) => Server

/**
 * Before it is known who shows it: nothing may. `cross-origin` is what lets the console, another origin, show it at
 * all; and a page in a sandbox, which has no origin, the images beside it. The ticket is what protects it.
 */
const headers = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'cross-origin',
  'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

function createContentApp(deps: Deps, open: OpenContent, bounds: Bounds): FastifyInstance {
  const lifetimes = new Lifetimes()
  const logger: FastifyBaseLogger = deps.log
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomText(16),
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: bounds.headerBytes },
    frameworkErrors(error, request, reply) {
      void reply.headers(headers)
      sendError(error, request, reply)
    },
  })
  app.addHook('preClose', async () => lifetimes.abortAll())
  app.decorateRequest('caller', null)
  // Protocols of others are not spoken here.
  app.decorate('compatSites', [])
  observeRequests(app, deps.metrics)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(headers).header('x-request-id', request.id)
    if (hasBody(request.headers)) closeAfterReply(request, reply, bounds, deps.clock)
  })
  app.setErrorHandler(sendError)
  app.setNotFoundHandler(({ method }) => {
    throw new AppError('no_route', { method, path: 'this address' })
  })
  app.route<{ Params: { ticket: string; '*': string } }>({
    method: ['GET', 'HEAD'],
    url: '/content/:ticket/*',
    async handler(request, reply) {
      const { ticket, '*': path } = request.params
      if (path.includes('\0')) throw new AppError('invalid', { detail: 'The address holds a NUL character (%00).' })
      const { signal, close } = lifetimes.open(reply.raw)
      try {
        const { stream, shownBy } = await open({ ticket, path, headers: request.headers, signal }, deps)
        await sendContent(stream, shownBy, request, reply)
        if (typeof stream.body !== 'string') stream.body.destroy()
      } finally {
        close()
      }
      return reply
    },
  })
  return app
}
