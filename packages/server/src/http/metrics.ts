import type { FastifyInstance } from 'fastify'
import type { ServerMetrics } from '../lib/server-metrics.ts'

/**
 * Counts every request and writes one line for it to the log, at `debug`. Both name the template of the route and
 * never the address itself, whose query may hold what is nobody's business.
 */
export function observeRequests(app: FastifyInstance, metrics: ServerMetrics): void {
  app.addHook('onRequest', async () => metrics.requestsInFlight.inc())
  app.addHook('onResponse', async (request, reply) => {
    metrics.requestsInFlight.dec()
    const route = request.routeOptions.config.shape?.path ?? 'none'
    const seconds = reply.elapsedTime / 1000
    const status = reply.raw.statusCode
    metrics.requestSeconds.observe({ method: request.method, route, status }, seconds)
    const { caller } = request
    request.log.debug(
      { method: request.method, route, status, seconds, team: caller?.teamId, key: caller?.keyId },
      'answered',
    )
  })
}
