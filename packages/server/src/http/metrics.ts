import type { FastifyInstance } from 'fastify'
import type { ServerMetrics } from '../lib/server-metrics.ts'

/**
 * Counts every request and writes one line for it to the log, at `debug`. Both name the template of the route and
 * never the address itself, whose query may hold what is nobody's business. 499: it broke off before its end.
 */
export function observeRequests(app: FastifyInstance, metrics: ServerMetrics): void {
  app.addHook('onRequest', async (request, reply) => {
    metrics.requestsInFlight.inc()
    let answered = false
    const onEnd = () => {
      if (answered) return
      answered = true
      metrics.requestsInFlight.dec()
      const route = request.routeOptions.config.shape?.path ?? 'none'
      const seconds = reply.elapsedTime / 1000
      const status = reply.raw.writableEnded ? reply.raw.statusCode : 499
      metrics.requestSeconds.observe({ method: request.method, route, status }, seconds)
      const { method, caller } = request
      request.log.debug(
        { method, route, status, seconds, team: caller?.teamId, key: caller?.keyId, session: caller?.sessionId },
        'answered',
      )
    }
    // Fastify's own `onResponse` is not called when the client leaves before the end.
    reply.raw.once('finish', onEnd).once('close', onEnd)
  })
}
