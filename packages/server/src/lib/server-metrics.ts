import type { MachineUse } from '@nabla/api/metric'
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
  /** Sets the figures of the machine. */
  setMachine(use: MachineUse): void
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
    setMachine: machineGauges(registers),
    render: async () => (await processRegistry().metrics()) + '\n' + (await registry.metrics()),
  }
}

const machineFigures = {
  nabla_machine_cpu_cores: ['Processor cores of the machine.', (use) => use.cpu.cores],
  nabla_machine_cpu_cores_used: ['Processor cores in use.', (use) => use.cpu.usedCores],
  nabla_machine_load1: ['Threads that run or wait to, mean of a minute.', (use) => use.load[0] ?? null],
  nabla_machine_memory_bytes: ['Memory of the machine.', (use) => use.memory.totalBytes],
  nabla_machine_memory_used_bytes: ['Memory in use.', (use) => use.memory.usedBytes],
  nabla_machine_disk_bytes: ['Size of the disk that holds the data.', (use) => use.disk.totalBytes],
  nabla_machine_disk_used_bytes: ['Space in use on it.', (use) => use.disk.usedBytes],
  nabla_cpus: ['Processor cores that there are to give out.', (use) => use.given.cpus.all],
  nabla_cpus_taken: ['Processor cores that tasks hold.', (use) => use.given.cpus.taken],
  nabla_memory_bytes: ['Memory that there is to give out.', (use) => use.given.memoryBytes.all],
  nabla_memory_taken_bytes: ['Memory that tasks hold.', (use) => use.given.memoryBytes.taken],
  nabla_gpus: ['GPUs that there are to give out.', (use) => use.given.gpus.all],
  nabla_gpus_taken: ['GPUs that tasks hold.', (use) => use.given.gpus.taken],
} as const satisfies Record<string, [help: string, (use: MachineUse) => number | null]>

const gpuFigures = {
  nabla_gpu_utilization_percent: ['Share of the time in which the GPU is busy.', (gpu) => gpu.utilization],
  nabla_gpu_memory_used_bytes: ['Memory of the GPU in use.', (gpu) => gpu.memoryUsedBytes],
  nabla_gpu_memory_bytes: ['Memory of the GPU.', (gpu) => gpu.memoryTotalBytes],
  nabla_gpu_power_watts: ['Power that the GPU draws.', (gpu) => gpu.powerWatts],
  nabla_gpu_temperature_celsius: ['Temperature of the GPU.', (gpu) => gpu.temperatureCelsius],
} as const satisfies Record<string, [help: string, (gpu: MachineUse['gpus'][number]) => number | null]>

/** What is not known is not there, rather than nought: only gauges with a label, used or not, can be taken away. */
function machineGauges(registers: Registry[]): (use: MachineUse) => void {
  const ofMachine = Object.entries(machineFigures).map(
    ([name, [help, value]]) => [new Gauge({ name, help, labelNames: ['of'], registers }), value] as const,
  )
  const ofGpus = Object.entries(gpuFigures).map(
    ([name, [help, value]]) => [new Gauge({ name, help, labelNames: ['gpu'], registers }), value] as const,
  )
  return (use) => {
    for (const [gauge, valueOf] of ofMachine) {
      const value = valueOf(use)
      gauge.reset()
      if (value !== null) gauge.set(value)
    }
    for (const [gauge, valueOf] of ofGpus) {
      gauge.reset()
      for (const gpu of use.gpus) {
        const value = valueOf(gpu)
        if (value !== null) gauge.set({ gpu: gpu.index }, value)
      }
    }
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
