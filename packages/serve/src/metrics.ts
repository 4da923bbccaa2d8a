import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Version } from './model/version.ts'

/** What is counted, for Prometheus. */
export interface Metrics {
  /** One request that was answered. */
  request(labels: RequestLabels, ms: number): void
  batch(model: { name: string; version: string }, rows: number, ms: number): void
  /** The text of `/metrics`. */
  render(versions: readonly Version[]): Promise<string>
  readonly contentType: string
}

export interface RequestLabels {
  model: string
  version: string
  protocol: string
  status: number
}

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const of = ['model', 'version']
  const requests = new Counter({
    name: 'nabla_serve_requests_total',
    help: 'Requests that were answered.',
    labelNames: [...of, 'protocol', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'nabla_serve_request_seconds',
    help: 'From when a request has arrived whole until its answer is written.',
    labelNames: of,
    buckets: seconds,
    registers,
  })
  const rows = new Histogram({
    name: 'nabla_serve_batch_rows',
    help: 'Rows that were run together.',
    labelNames: of,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers,
  })
  const run = new Histogram({
    name: 'nabla_serve_batch_seconds',
    help: 'From when a batch is given to the process of the model until it has answered.',
    labelNames: of,
    buckets: seconds,
    registers,
  })
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: of, registers })
  const queued = gauge('nabla_serve_queued_requests', 'Requests that wait.')
  const running = gauge('nabla_serve_running_batches', 'Batches that the process of the model has.')
  const ready = gauge('nabla_serve_model_ready', '1 where the version answers.')
  const restarts = gauge('nabla_serve_worker_restarts', 'How often the process of a version was started again.')
  return {
    contentType: registry.contentType,
    request({ model, version, protocol, status }, ms) {
      requests.inc({ model, version, protocol, status: String(status) })
      duration.observe({ model, version }, ms / 1000)
    },
    batch({ name: model, version }, count, ms) {
      rows.observe({ model, version }, count)
      run.observe({ model, version }, ms / 1000)
    },
    async render(versions) {
      for (const one of [queued, running, ready, restarts]) one.reset()
      for (const version of versions) {
        const labels = { model: version.name, version: version.version }
        queued.set(labels, version.queued)
        running.set(labels, version.running)
        ready.set(labels, version.state === 'ready' ? 1 : 0)
        restarts.set(labels, version.restarts)
      }
      return registry.metrics()
    },
  }
}
