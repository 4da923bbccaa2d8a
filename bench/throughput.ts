import { setTimeout as sleep } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { type BenchServer, startBenchServer } from './bench-server.ts'
import { formatSeconds, type Section, timed } from './report.ts'
import { run, sideBySide } from './shell.ts'

const jobs = 500
const submitters = 8
/** Rare enough that asking is no load. */
const pollMs = 50

/** A quarter of a processor each, so that four times as many run side by side. */
const quarter = { name: 'quarter', cpus: 0.25, memoryBytes: 256 * 2 ** 20 }

/** Trivial jobs through the whole of their life, beside starting the same command without Nabla. */
export async function throughput(): Promise<Section> {
  const slots = availableParallelism()
  return {
    title: 'Throughput',
    about:
      `${jobs} jobs \`true\`, submitted over HTTP by ${submitters} submitters at once, until the last has ended and ` +
      `all are read back as succeeded. Every submit and every end is on the disk (fsync) when it is told. ` +
      `Aim: 50 per second.`,
    columns: ['what', 'at once', 'time', 'per second'],
    rows: [
      row('jobs, default machine type (one core)', slots, await jobsThrough({})),
      row('bare `spawn` of the same', slots, await spawns(slots)),
      row('jobs, machine type of a quarter core', slots * 4, await jobsThrough({ machineTypes: [quarter] })),
      row('bare `spawn` of the same', slots * 4, await spawns(slots * 4)),
    ],
  }
}

const row = (what: string, atOnce: number, ms: number): string[] => [
  what,
  String(atOnce),
  formatSeconds(ms),
  ((jobs * 1000) / ms).toFixed(1),
]

const each = Array.from({ length: jobs }, (_, index) => index)

async function jobsThrough(settings: Record<string, unknown>): Promise<number> {
  await using server = await startBenchServer(settings)
  const submit = () => server.client.job.create({ body: { command: 'true', project: 'bench' } })
  await submit()
  await untilIdle(server)
  const ms = await timed(async () => {
    await sideBySide(each, submitters, submit)
    await untilIdle(server)
  })
  await checkAll(server, jobs + 1)
  return ms
}

async function untilIdle({ client }: BenchServer): Promise<void> {
  for (const state of ['pending', 'running'] as const) {
    while ((await client.job.list({ state, limit: 1 })).items.length > 0) await sleep(pollMs)
  }
}

/** Reads all jobs back; throws when one did not succeed. */
async function checkAll({ client }: BenchServer, count: number): Promise<void> {
  let seen = 0
  let after: string | undefined
  do {
    const page = await client.job.list({ limit: 200, ...(after && { after }) })
    for (const { state, reason } of page.items) {
      if (state !== 'succeeded') throw new Error(`a job of the bench is ${state}: ${reason}`)
    }
    seen += page.items.length
    after = page.next ?? undefined
  } while (after !== undefined)
  if (seen !== count) throw new Error(`${seen} jobs of ${count} are there`)
}

const spawns = (width: number): Promise<number> =>
  timed(() => sideBySide(each, width, () => run('/bin/sh', ['-c', 'true'])))
