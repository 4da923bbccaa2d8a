import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** The figures of one server. Those of the process itself are shared by all servers in it. */
export interface ServerMetrics {
  /** Seconds from the first byte of a request to the last of its response, by route template. */
  requestSeconds: Histogram<'method' | 'route' | 'status'>
  requestsInFlight: Gauge
  jobs: Gauge<'state'>
  tasks: Gauge<'state'>
  queueLength: Gauge
  loopOk: Gauge
  loopPasses: Gauge
  loopPassSeconds: Gauge
  /** Everything in the text format of Prometheus. */
  render(): Promise<string>
}

/** Makes the figures of one server, all at nought. */
export function createServerMetrics(): ServerMetrics {
  const registers = [new Registry()]
  const registry = registers[0] as Registry
  return {
    requestSeconds: new Histogram({
      name: 'nabla_http_request_duration_seconds',
      help: 'Duration of HTTP requests by route template and status.',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
      registers,
    }),
    requestsInFlight: new Gauge({
      name: 'nabla_http_requests_in_flight',
      help: 'HTTP requests being answered, streams among them.',
      registers,
    }),
    jobs: new Gauge({ name: 'nabla_jobs', help: 'Jobs by state.', labelNames: ['state'], registers }),
    tasks: new Gauge({ name: 'nabla_tasks', help: 'Tasks by state.', labelNames: ['state'], registers }),
    queueLength: new Gauge({ name: 'nabla_queue_length', help: 'Tasks that wait for a place.', registers }),
    loopOk: new Gauge({ name: 'nabla_loop_ok', help: '1 while the control loop keeps its pace.', registers }),
    loopPasses: new Gauge({ name: 'nabla_loop_passes', help: 'Passes of the control loop so far.', registers }),
    loopPassSeconds: new Gauge({ name: 'nabla_loop_last_pass_seconds', help: 'Duration of its last pass.', registers }),
    render: async () => (await processRegistry().metrics()) + '\n' + (await registry.metrics()),
  }
}

let ofProcess: Registry | undefined

/** Memory, processor, event loop and garbage collection: there is one process, so this is made once. */
function processRegistry(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}
