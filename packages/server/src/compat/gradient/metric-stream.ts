import type { WebSocket } from 'ws'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import type { Exchange } from './route.ts'
import { callerOfTicket } from './ticket.ts'
import { chartNames, nodesOf, readCharts } from './metric-charts.ts'

/** What a client asks for once, in one text. */
const subscription = z.object({
  chart_names: z.array(z.string()).max(100),
  handles: z.array(z.string()).max(20),
  object_type: z.string(),
  poll_interval: z.string().optional(),
})

type Subscription = z.infer<typeof subscription>

/**
 * Sends the newest value of each chart that was asked for, and of no other (the clients fail at one that they did not
 * ask for), as often as they want. The socket stays open when a job has ended: clients that lose it connect again, for
 * ever.
 */
export function watchMetrics(exchange: Exchange, socket: WebSocket): void {
  let cancel = () => {}
  socket.once('close', () => cancel())
  socket.on('message', (data) => {
    cancel()
    const given = subscription.safeParse(parse((data as Buffer).toString()))
    if (!given.success) {
      socket.close(1008, 'Ask for chart_names, handles and object_type.')
      return
    }
    const everyMs = intervalMs(given.data.poll_interval)
    const told = new Map<string, number>()
    const beat = () => {
      void sendNewest(exchange, socket, given.data, told).catch((error: unknown) => {
        socket.close(1008, error instanceof AppError ? error.message.slice(0, 100) : 'It failed.')
        if (!(error instanceof AppError)) exchange.deps.log.error({ err: error }, 'a stream of metrics failed')
      })
      cancel = exchange.deps.clock.after(everyMs, beat)
    }
    beat()
  })
}

async function sendNewest(
  exchange: Exchange,
  socket: WebSocket,
  { chart_names: wanted, handles, object_type: type }: Subscription,
  told: Map<string, number>,
): Promise<void> {
  // Whoever lost the key meanwhile is told no more.
  await callerOfTicket(exchange.deps, exchange.params['ticket'] ?? '')
  for (const handle of handles) {
    const charts = await readCharts(exchange, await nodesOf(exchange, type, handle), chartNames(wanted.join(',')), {})
    for (const [name, chart] of charts) {
      const pods = Object.entries(chart).flatMap(([pod, points]) => {
        const last = points.at(-1)
        const key = `${handle}/${name}/${pod}`
        if (!last || told.get(key) === last.time_stamp) return []
        told.set(key, last.time_stamp)
        return [[pod, last] as const]
      })
      if (pods.length === 0) continue
      socket.send(
        JSON.stringify({ handle, object_type: type, chart_name: name, pod_metrics: Object.fromEntries(pods) }),
      )
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** From `30s` and the like; between a second and ten minutes. */
function intervalMs(text: string | undefined): number {
  const [, amount, unit] = /^(\d{1,4})\s*([smh])/.exec(text ?? '') ?? []
  if (amount === undefined) return 30_000
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h']
  return Math.min(600_000, Math.max(1000, Number(amount) * unitMs))
}
