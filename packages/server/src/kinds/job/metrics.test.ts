import type { MetricRange, MetricTick } from '@nabla/api/metric'
import { describe, expect, test, vi } from 'vitest'
import type { Capacity } from '../../engines/engine.ts'
import { limits } from '../../lib/limits.ts'
import { eachDatabase } from '../../testing/database.ts'
import { startTestServer, type TestServer } from '../../testing/server.ts'

const GiB = 1024 ** 3
const capacity: Capacity = {
  cpus: 4,
  memoryBytes: 16 * GiB,
  gpus: [{ index: 0, name: 'Pretended GPU', memoryBytes: 80 * GiB }],
}

/** Lets time pass as the sampler sees it: measurement by measurement. */
async function pass(server: TestServer, seconds: number): Promise<void> {
  const { sampler, loop } = server.running().deps
  for (let passed = 0; passed < seconds; passed += limits.metricSampleMs / 1000) {
    server.clock.advance(limits.metricSampleMs)
    await sampler.machine()
    await loop.idle()
  }
}

const nameOf = ({ name }: MetricRange['series'][number]) => name

eachDatabase((make) => {
  describe('metrics', () => {
    test('tell what a job used over all its attempts, with a gap between, and go with the job', async () => {
      const server = await startTestServer(make, capacity)
      const { client } = server
      const body = { command: 'run=40s exit=1', project: 'p', machineType: 'G1', retries: 1 }
      const { id } = await client.job.create({ body })
      await server.untilState(id, 'running')
      await pass(server, 30)
      const live = await client.job.metrics({ job: id })
      expect(live.series.map(nameOf)).toContain('gpuUtilization')
      await server.untilState(id, 'failed')
      const range = await client.job.metrics({ job: id, series: 'cpu,memory,gpuPower' })
      expect(range.series.map(nameOf)).toEqual(['cpu', 'gpuPower', 'memory'])
      const [cpu, gpu, memory] = range.series
      expect(cpu).toMatchObject({ unit: 'cores', limit: 4, labels: {} })
      expect(gpu).toMatchObject({ unit: 'watts', limit: null, labels: { gpu: '0' } })
      expect(memory).toMatchObject({ unit: 'bytes' })
      expect(memory!.max).toBeLessThan(memory!.limit!)
      expect(cpu!.points.length).toBeGreaterThan(10)
      expect(cpu!.max).toBeGreaterThan(cpu!.avg)
      expect(cpu!.max).toBeLessThanOrEqual(4)
      const few = await client.job.metrics({ job: id, series: 'cpu', points: 5 })
      expect(few.series[0]!.points.length).toBeLessThanOrEqual(5)
      expect(few.series[0]!.max).toBe(cpu!.max)
      await client.job.delete({ job: id })
      server.clock.advance(limits.sweepMs)
      const { measurements, loop } = server.running().deps
      await vi.waitFor(
        async () => {
          await loop.idle()
          const left: string[] = []
          for await (const subject of measurements.ids()) left.push(subject)
          expect(left).not.toContain(id)
        },
        { timeout: 15_000 },
      )
    })

    test('are followed until the job has ended, also from where a reader left off', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const { id } = await client.job.create({ body: { command: 'run=60s', project: 'p' } })
      await server.untilState(id, 'running')
      await pass(server, 10)
      const ticks: MetricTick[] = []
      const reading = (async () => {
        for await (const { data } of client.job.followMetrics({ job: id, after: '2026-01-01' })) ticks.push(data)
      })()
      await vi.waitFor(() => expect(ticks.length).toBeGreaterThan(3), { timeout: 15_000 })
      await server.untilState(id, 'succeeded')
      await reading
      const times = ticks.map(({ at }) => at)
      expect(times).toEqual([...new Set(times)].toSorted())
      expect(times.length).toBeGreaterThan(6)
      const again: string[] = []
      for await (const { data } of client.job.followMetrics({ job: id, after: times[2]! })) again.push(data.at)
      expect(again).toEqual(times.slice(3))
    })

    test('survive a server that starts again', async () => {
      const server = await startTestServer(make)
      const { id } = await server.client.job.create({ body: { command: 'run=100s', project: 'p' } })
      await server.untilState(id, 'running')
      await pass(server, 10)
      const before = await server.client.job.metrics({ job: id, series: 'cpu' })
      await server.restart()
      const after = await server.client.job.metrics({ job: id, series: 'cpu', to: before.to! })
      expect(after.series[0]!.points.length).toBeGreaterThan(2)
      expect(after.series[0]!.points).toEqual(before.series[0]!.points)
    })

    test('refuse what makes no sense', async () => {
      const server = await startTestServer(make)
      const { client } = server
      const { id } = await client.job.create({ body: { command: 'run=1s', project: 'p' } })
      const refused = [
        client.job.metrics({ job: id, series: 'cpu,nonsense' }),
        client.job.metrics({ job: id, series: 'load' }),
        client.job.metrics({ job: id, from: 'yesterday' }),
        client.job.metrics({ job: id, from: '2026-02-01', to: '2026-01-01' }),
        client.job.metrics({ job: id, points: 1 }),
        client.server.machineMetrics({ series: 'processes' }),
      ]
      const answers = await Promise.allSettled(refused)
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 'rejected', reason: { status: 400, code: 'invalid' } })
      }
      await expect(client.job.metrics({ job: 'none' })).rejects.toMatchObject({ status: 404 })
    })

    test('tell of the machine: now, live, over time, and to Prometheus', async () => {
      const server = await startTestServer(make, capacity)
      const { client } = server
      const { id } = await client.job.create({ body: { command: 'run=60s', project: 'p', machineType: 'G1' } })
      await server.untilState(id, 'running')
      await pass(server, 6)
      const use = await client.server.machine({})
      expect(use.given).toEqual({
        cpus: { taken: 4, all: 4 },
        memoryBytes: { taken: expect.any(Number), all: 16 * GiB },
        gpus: { taken: 1, all: 1 },
      })
      expect(use.tasks).toEqual({ running: 1, queued: 0 })
      expect(use.gpus).toMatchObject([{ index: 0, name: 'Pretended GPU', taken: true, memoryTotalBytes: 80 * GiB }])
      const seen: string[] = []
      for await (const { data } of client.server.followMachine({})) {
        seen.push(data.at)
        if (seen.length === 3) break
        await pass(server, 2)
      }
      expect(seen).toEqual([...new Set(seen)].toSorted())
      const history = await client.server.machineMetrics({})
      expect(history.series.map(nameOf)).toEqual(expect.arrayContaining(['cpu', 'disk', 'gpuPower', 'load', 'memory']))
      const text = await (await client.server.metrics({})).text()
      expect(text).toMatch(/^nabla_machine_memory_bytes \d+$/m)
      expect(text).toMatch(/^nabla_gpu_memory_bytes\{gpu="0"\} \d+$/m)
      expect(text).toMatch(/^nabla_gpus_taken 1$/m)
      expect(text).toMatch(/^nabla_tasks\{state="running"\} 1$/m)
    })
  })
})
