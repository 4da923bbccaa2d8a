import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import { openDatabase } from '@nabla/server/db/open'
import { bootstrap } from '@nabla/server/kinds/account'
import { systemClock } from '@nabla/server/lib/clock'
import { openMetricStore } from '@nabla/server/metrics/metric-store'
import { type BenchServer, makeTempFolder, startBenchServer } from './bench-server.ts'
import { fillJobs } from './list.ts'

export const logLines = 10_000_000
export const metricPoints = 1_000_000
/** Stands in one line of the log. */
export const needle = 'loss is NaN'
const needleLine = 9_000_000
const blockLines = 10_000
const sampleMs = 2000

/** What the console is looked at with. */
export interface Seeded {
  server: BenchServer
  /** One that has ended, with a million measurements. */
  measured: { id: string; name: string }
  /** One that runs, with ten million lines in its log. */
  talking: { id: string; output: string }
}

/**
 * A server with the fake engine and 100,000 jobs that were put straight into the database; the log is written to the
 * file that a task would write to, and the server numbers its lines as always.
 */
export async function startSeeded(): Promise<Seeded> {
  const data = await makeTempFolder()
  const { db, close } = await openDatabase({ data, database: 'sqlite' })
  const account = await bootstrap(db, systemClock)
  await fillJobs(db)
  const measured = await db
    .selectFrom('jobs')
    .select(['id', 'name'])
    .orderBy('createdAt', 'desc')
    .executeTakeFirstOrThrow()
  await close()
  await fillMetrics(join(data, 'metrics'), measured.id)
  const machineTypes = [{ name: 'small', engine: 'fake', cpus: 1, memoryBytes: 4e9 }]
  const server = await startBenchServer({ data, engines: ['fake'], machineTypes }, account?.secret)
  try {
    return { server, measured, talking: await startTalking(server.client, data) }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/** Lines as a training job writes them, the first column their number. */
export const lineOf = (number: number): string =>
  number === needleLine
    ? `${String(number).padStart(8, '0')} ${needle}\n`
    : `${String(number).padStart(8, '0')} step loss=0.123456 accuracy=0.9876 lr=0.01\n`

async function startTalking(client: Client, data: string): Promise<{ id: string; output: string }> {
  const body = { name: 'talking', project: 'bench', command: 'run=36000s print=begun', machineType: 'small' }
  const { id } = await client.job.create({ body })
  const last = async () => (await client.job.logs({ job: id, tail: 1 })).last
  while ((await last()) < 1) await sleep(20)
  const output = join(data, 'logs', id, 'parts', '1', 'stdout')
  const file = await open(output, 'a')
  try {
    for (let from = 1; from < logLines; from += blockLines) {
      await file.write(Array.from({ length: blockLines }, (_, index) => lineOf(from + index)).join(''))
    }
  } finally {
    await file.close()
  }
  while ((await last()) < logLines) await sleep(100)
  return { id, output }
}

/** One series, measured every two seconds for 23 days, all of it kept as it was measured. */
async function fillMetrics(dir: string, id: string): Promise<void> {
  const store = openMetricStore({ dir, clock: systemClock, limits: { metricSegmentBytes: 64 * 2 ** 20 } })
  const last = Math.floor(systemClock.now() / sampleMs) * sampleMs
  for (let index = 0; index < metricPoints; index++) {
    const value = 2 + Math.sin(index / 5000) + ((index * 7919) % 1000) / 1000
    store.append(id, { at: last - (metricPoints - index) * sampleMs, values: [{ name: 'cpu', labels: {}, value }] })
  }
  await store.finish(id)
}
