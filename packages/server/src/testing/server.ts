import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from '@nabla/api/client'
import type { Job, JobState } from '@nabla/api/job'
import pino from 'pino'
import { onTestFinished, vi } from 'vitest'
import { loadConfig } from '../config.ts'
import type { Capacity } from '../engines/engine.ts'
import { FakeEngine } from '../engines/fake/fake-engine.ts'
import { TestClock } from '../lib/clock.ts'
import { type RunningServer, startServer } from '../main.ts'
import type { MakeDatabase } from './database.ts'

/** A whole server in this process: real database, real HTTP on a free port; engine and time are the test's to move. */
export interface TestServer {
  clock: TestClock
  fake: FakeEngine
  /** The client of the first admin. */
  client: Client
  key: string
  clientFor(key: string | undefined): Client
  running(): RunningServer
  /** Stops the server and starts another on the same data, database and engine. */
  restart(): Promise<void>
  /** Waits until the job is in this state, moving the clock on by a second whenever nothing happens. */
  untilState(job: string, state: JobState): Promise<Job>
}

/** Starts one; it is closed, and its data folder is gone, when the test is over. */
export async function startTestServer(
  make: MakeDatabase,
  capacity?: Capacity,
  settings: Record<string, unknown> = {},
): Promise<TestServer> {
  const { database, data: folder } = (await make()).config
  // SQLite's file stands in its data folder; for PostgreSQL there is none yet.
  const data = folder || mkdtempSync(join(tmpdir(), 'nabla-server-'))
  const clock = new TestClock()
  const fake = new FakeEngine({ clock, ...(capacity ? { capacity } : {}) })
  const config = loadConfig({ data, database, port: 0, engines: ['fake'], ...settings }, {})
  const log = pino({ level: 'silent' })
  const start = () => startServer(config, { clock, log, engines: new Map([['fake', fake]]) })
  let server = await start()
  const key = server.firstKey!
  const clientFor = (key: string | undefined) => createClient({ url: server.url, ...(key ? { key } : {}) })
  onTestFinished(async () => {
    await closeServer(server, clock)
    await fake.close()
    rmSync(data, { recursive: true, force: true })
  })
  const test: TestServer = {
    clock,
    fake,
    key,
    client: clientFor(key),
    clientFor,
    running: () => server,
    async restart() {
      await closeServer(server, clock)
      server = await start()
      test.client = clientFor(key)
    },
    untilState: (job, state) => untilState(test, job, state),
  }
  return test
}

/** Connections that linger are closed by the clock, so it has to go on. */
async function closeServer(server: RunningServer, clock: TestClock): Promise<void> {
  const closing = server.close().then(() => true)
  const aMoment = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)))
  while (!(await Promise.race([closing, aMoment()]))) clock.advance(1000)
}

async function untilState(test: TestServer, job: string, state: JobState): Promise<Job> {
  const look = async () => {
    await test.running().deps.loop.idle()
    const found = await test.client.job.show({ job })
    if (found.state === state) return found
    test.clock.advance(1000)
    throw new Error(`job ${job} is ${found.state}, not ${state}: ${found.reason}`)
  }
  return vi.waitFor(look, { timeout: 15_000, interval: 5 })
}
