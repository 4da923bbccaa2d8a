import { z } from 'zod'
import { optional } from './fields.ts'
import { builtIn, chartNames, loggedNames, nodesOf, readCharts } from './metric-charts.ts'
import { watchMetrics } from './metric-stream.ts'
import { gradientBytes, gradientRoute } from './route.ts'
import { ticketFor } from './ticket.ts'

const query = z.object({
  charts: optional,
  start: optional,
  end: optional,
  interval: optional,
  objecttype: optional,
  handle: z.string(),
})

/** Read at an address with a ticket, over TLS: see `metrics-address.ts`. */
export const metricRoutes = [
  ...gradientRoute('GET', '/measured/:ticket/metrics/api/v1/range', query, async (exchange) => {
    const { deps, params, input } = exchange
    ticketFor(deps, params, 'metrics')
    const wanted = chartNames(input.charts)
    const nodes = await nodesOf(exchange, input.objecttype ?? 'mljob', input.handle)
    const charts = await readCharts(exchange, nodes, wanted, input)
    return {
      handle: input.handle,
      object_type: input.objecttype ?? 'mljob',
      charts: Object.fromEntries(wanted.map((name) => [name, charts.get(name) ?? null])),
    }
  }),
  ...gradientRoute('GET', '/measured/:ticket/metrics/api/v1/list', query, async (exchange) => {
    const { call, deps, params, input } = exchange
    ticketFor(deps, params, 'metrics')
    const nodes = await nodesOf(exchange, input.objecttype ?? 'mljob', input.handle)
    const own = await Promise.all(nodes.map(({ jobId }) => loggedNames(call, jobId)))
    return { chart_names: [...new Set([...Object.keys(builtIn), ...own.flat()])] }
  }),
  ...gradientBytes(
    { method: 'GET', path: '/measured/:ticket/metrics/api/v1/stream', input: z.unknown() },
    async (exchange) => {
      ticketFor(exchange.deps, exchange.params, 'metrics')
      return { open: (socket) => watchMetrics(exchange, socket) }
    },
  ),
]
