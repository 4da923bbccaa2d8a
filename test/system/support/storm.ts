import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Job, JobState } from '@nabla/api/job'
import type { LogBlock } from '@nabla/api/log'
import { makeTar } from '../../../packages/server/src/volumes/archive-bytes.ts'
import { ended, type ServerProcess, until } from './server-process.ts'
import { readReports } from './task-files.ts'

/** A job that was submitted during the storm. */
export interface StormJob {
  id: string
  name: string
  lines: number
  exitCode: number
  /** A stop was acknowledged. */
  stopped: boolean
  follower: Follower
}

/** What one who follows a log has seen of it, over all restarts of the server. */
export interface Follower {
  stdout: string[]
  /** What should not be: gaps, repetitions. */
  problems: string[]
  lastSeq: number
  done: Promise<void>
}

export interface Storm {
  /** All jobs whose submission was acknowledged. */
  jobs: StormJob[]
  /** Names of those whose submission was cut off: they may be there or not. */
  unsure: Map<string, { lines: number; exitCode: number }>
  /** How often the server was killed in each way. */
  kills: Record<string, number>
}

/** In the environment of every job of the storm: what still has it when all is over is an orphan. */
export const markOf = (server: ServerProcess): string => `NABLA_STORM=${server.data}`

/**
 * Submits jobs and kills the server, each time at another step of a job's life, then lets all come to its end. Equal
 * seeds do the same. There are up to `kills` kills, fewer on a slow machine: once `budgetMs` has passed it is enough
 * that each step had its turn.
 */
export async function raiseStorm(
  server: ServerProcess,
  { seed, kills, budgetMs }: { seed: number; kills: number; budgetMs: number },
): Promise<Storm> {
  const random = randomOf(seed)
  const budget = AbortSignal.timeout(budgetMs)
  const storm: Storm = { jobs: [], unsure: new Map(), kills: {} }
  const following = new AbortController()
  try {
    for (let round = 0; round < kills && (round < steps.length || !budget.aborted); round++) {
      const step = steps[round % steps.length]!
      await step({ server, storm, random, signal: following.signal, round })
      storm.kills[step.name] = (storm.kills[step.name] ?? 0) + 1
      await server.kill()
      if (random() < 0.2) await server.start({ killAfterMs: random() * 800 })
      await server.start()
    }
    for (const job of storm.jobs) await ended(server, job.id)
    for (const job of storm.jobs) await within(job.follower.done, `the log of ${job.name} to end`)
    return storm
  } finally {
    following.abort()
  }
}

const followMs = 60_000

/** Waits for a promise, but not for ever. */
async function within(promise: Promise<void>, what: string): Promise<void> {
  const given = new AbortController()
  const late = pause(followMs, undefined, { signal: given.signal }).then(() => {
    throw new Error(`waited in vain for ${what}`)
  })
  try {
    await Promise.race([promise, late])
  } finally {
    given.abort()
  }
}

interface Round {
  server: ServerProcess
  storm: Storm
  random: () => number
  signal: AbortSignal
  round: number
}

/** What happens before each kill. */
const steps: ((round: Round) => Promise<void>)[] = [
  async function rightAfterTheAnswer(round) {
    await submit(round)
  },
  async function whileSubmitting(round) {
    void submit(round).catch(() => {})
    await pause(round.random() * 30)
  },
  async function whileUploading({ server, random }) {
    const half = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(makeTar([{ path: 'big', content: Buffer.alloc(300_000, 1) }]).subarray(0, 200_000))
      },
    })
    server.client.workspace.upload({ body: half }).catch(() => {})
    await until(() => {
      if (globSync(join(server.data, 'volumes/.staging/*')).length === 0) throw new Error('nothing arrives')
    })
    await pause(random() * 20)
  },
  async function whileStarting(round) {
    await submit(round, { files: true })
    await pause(round.random() * 60)
  },
  async function whileRunning(round) {
    const job = await submit(round)
    await until(() => {
      if (job.follower.stdout.length === 0 && !hasEnded(round.server, job)) throw new Error('it says nothing')
    })
    await pause(round.random() * 100)
  },
  async function whileStopping(round) {
    const job = await submit(round, { files: round.random() < 0.5 })
    await pause(round.random() * 200)
    await round.server.client.job.stop({ job: job.id, body: { graceSeconds: 0 } })
    job.stopped = true
    await pause(round.random() * 30)
  },
  async function atTheEnd(round) {
    const job = await submit(round)
    await until(() => {
      if (!hasEnded(round.server, job)) throw new Error('it still runs')
    })
    await pause(round.random() * 20)
  },
]

const countOf = (path: string): number => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0)

/** Whether its command has written its last line; the server may not know yet. */
function hasEnded(server: ServerProcess, job: StormJob): boolean {
  const [output] = globSync(join(server.data, 'logs', job.id, 'parts/1/stdout'))
  return (output !== undefined && countOf(output) >= job.lines) || anyExit(server)
}

const anyExit = (server: ServerProcess): boolean =>
  [...readReports(server.data).values()].some((report) => report.exit !== undefined)

async function submit(
  { server, storm, random, signal, round }: Round,
  { files = false }: { files?: boolean } = {},
): Promise<StormJob> {
  const name = `storm-${round}-${storm.unsure.size}`
  const lines = 3 + Math.floor(random() * 12)
  const exitCode = random() < 0.3 ? 7 : 0
  const command = [
    'echo "$NABLA_JOB_ID" >> /storage/runs',
    `for i in $(seq 1 ${lines}); do echo "line $i"; sleep 0.03; done`,
    'cp /storage/runs /artifacts/seen; echo whole > /artifacts/result',
    `exit ${exitCode}`,
  ].join('; ')
  storm.unsure.set(name, { lines, exitCode })
  const [variable = '', value = ''] = markOf(server).split('=')
  const tar = makeTar([{ path: `of-${name}`, content: name }])
  const workspace = files
    ? { from: 'upload' as const, id: (await server.client.workspace.upload({ body: new Uint8Array(tar) })).id }
    : { from: 'nothing' as const }
  const body = { command, name, project: 'storm', env: { [variable]: value }, workspace }
  const { id } = await server.client.job.create({ body })
  storm.unsure.delete(name)
  const job: StormJob = { id, name, lines, exitCode, stopped: false, follower: follow(server, id, signal) }
  storm.jobs.push(job)
  return job
}

/** Follows a log until its end, resuming wherever it breaks off. */
function follow(server: ServerProcess, job: string, signal: AbortSignal): Follower {
  const follower: Follower = { stdout: [], problems: [], lastSeq: 0, done: Promise.resolve() }
  follower.done = (async () => {
    while (!signal.aborted) {
      try {
        const headers = { 'last-event-id': String(follower.lastSeq) }
        for await (const { id, data } of server.client.job.followLogs({ job }, { headers, signal })) {
          take(follower, id, data)
        }
        return
      } catch {
        await pause(20)
      }
    }
  })()
  return follower
}

function take(follower: Follower, id: string, block: LogBlock): void {
  if (block.seq !== follower.lastSeq + 1) follower.problems.push(`${block.seq} follows ${follower.lastSeq}`)
  const lines = block.text.split('\n')
  if (lines.length !== block.lines) follower.problems.push(`${lines.length} lines where ${block.lines} were said`)
  follower.lastSeq = block.seq + block.lines - 1
  if (id !== String(follower.lastSeq)) follower.problems.push(`the id ${id} is not that of ${follower.lastSeq}`)
  if (block.source === 'stdout') follower.stdout.push(...lines)
}

/** States in which a job may rightly have ended. A stop may come too late to change anything. */
export function rightEnds(job: { exitCode: number; stopped: boolean }): JobState[] {
  const own: JobState = job.exitCode === 0 ? 'succeeded' : 'failed'
  return job.stopped ? ['cancelled', own] : [own]
}

/** Every job of the project, from all pages. */
export async function allJobs(server: ServerProcess): Promise<Pick<Job, 'id' | 'name' | 'state' | 'attempt'>[]> {
  const jobs = []
  let after: string | null = null
  do {
    const page: Awaited<ReturnType<typeof server.client.job.list>> = await server.client.job.list({
      limit: 50,
      ...(after === null ? {} : { after }),
    })
    jobs.push(...page.items)
    after = page.next
  } while (after !== null)
  return jobs
}

/** Numbers between 0 and 1 that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
