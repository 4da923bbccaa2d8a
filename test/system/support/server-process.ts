import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type Client, createClient } from '@nabla/api/client'
import type { Job } from '@nabla/api/job'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { killAll, openersOf } from './processes.ts'

const root = join(import.meta.dirname, '../../..')
const node = join(root, 'node_modules/.bin/node')

export interface ServerOptions {
  /** Data folder; a new one, deleted after the test, if left out. */
  data?: string
  /** Further variables of the environment of the server. */
  env?: Record<string, string>
  /** Port of every server on this folder; a new one each time, if left out. */
  port?: number
  /** Further settings: the server is then started by `nabla up` with a settings file. */
  settings?: Record<string, unknown>
}

/** A server as a program of its own, with what a test does to it. */
export interface ServerProcess {
  readonly data: string
  readonly url: string
  /** The key of the first admin. */
  readonly key: string
  /** The client of the first admin, of the server that runs now. */
  readonly client: Client
  readonly pid: number
  /** Everything that the servers on this data folder have logged so far. */
  log(): string
  clientFor(key: string): Client
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** Starts it again; it must not be running. `killAfterMs`: it is killed so soon that it may not have been ready. */
  start(options?: { killAfterMs?: number }): Promise<void>
}

/** Where a data folder for a test is made; short, since sockets and control groups have short paths. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'nabla-sys-'))

/**
 * Starts a server with the process engine. When the test is over, it and all that it started are killed, and its data
 * folder is deleted.
 */
export function startServerProcess(options: ServerOptions = {}): Promise<ServerProcess> {
  return open(options, (step) => onTestFinished(async () => void (await step())))
}

/** One server for all tests of a file: to be called at its top, and the function that it gives in the tests. */
export function useServerProcess(options: ServerOptions = {}): () => ServerProcess {
  const undo: (() => unknown)[] = []
  let server: ServerProcess | undefined
  beforeAll(async () => {
    server = await open(options, (step) => undo.push(step))
  })
  afterAll(async () => {
    for (const step of undo.toReversed()) await step()
  })
  return () => server!
}

async function open(options: ServerOptions, onFinished: (step: () => unknown) => unknown): Promise<ServerProcess> {
  const data = options.data ?? temporaryFolder()
  const logPath = join(tmpdir(), `nabla-sys-${process.pid}-${Math.random().toString(36).slice(2)}.log`)
  let running: Running | null = null
  let key = ''
  onFinished(async () => {
    await running?.kill()
    rmSync(settingsFile(data), { force: true })
    killAll(openersOf(data))
    rmSync(logPath, { force: true })
    if (options.data === undefined) await removeFolder(data)
  })
  const clientFor = (key: string) => createClient({ url: running?.url ?? 'http://127.0.0.1:9', key })
  const server: ServerProcess = {
    data,
    get url() {
      return running?.url ?? 'http://127.0.0.1:9'
    },
    get key() {
      return key
    },
    get client() {
      return clientFor(key)
    },
    get pid() {
      return running!.pid
    },
    log: () => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : ''),
    clientFor,
    async kill() {
      await running?.kill()
      running = null
    },
    async start({ killAfterMs } = {}) {
      const starting = spawnServer(data, options, logPath)
      if (killAfterMs !== undefined) {
        await pause(killAfterMs)
        await starting.kill()
        return
      }
      running = await starting.ready()
      key ||= running.key ?? ''
    },
  }
  await server.start()
  return server
}

interface Running {
  pid: number
  url: string
  key: string | null
  kill(): Promise<void>
}

function spawnServer(data: string, options: ServerOptions, logPath: string) {
  const child = spawn(node, argumentsOf(data, options), {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/nabla-system'),
      NABLA_DATA: data,
      NABLA_PORT: String(options.port ?? 0),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stderr.pipe(createWriteStream(logPath, { flags: 'a' }))
  const kill = () => killChild(child)
  return {
    kill,
    async ready(): Promise<Running> {
      const { url, key } = await firstLine(child, logPath)
      return { pid: child.pid!, url, key, kill }
    },
  }
}

/** What a server that is expected not to start ends with. */
export async function failedStart(
  data: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(node, [join(root, 'packages/server/src/main.ts')], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NABLA_DATA: data, NABLA_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => killChild(child))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

function argumentsOf(data: string, { settings, port = 0 }: ServerOptions): string[] {
  if (settings === undefined) return [join(root, 'packages/server/src/main.ts')]
  const file = settingsFile(data)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(settings))
  const up = ['up', '--json', '--config', file, '--data', data, '--port', String(port), '--log-level', 'info']
  return [join(root, 'packages/cli/src/main.ts'), ...up]
}

const settingsFile = (data: string): string => `${data}.settings.yaml`

async function firstLine(child: ChildProcess, logPath: string): Promise<{ url: string; key: string | null }> {
  const lines = createInterface({ input: child.stdout! })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the server did not start: ${readFileSync(logPath, 'utf8').slice(-3000)}`)
  })
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  return JSON.parse(line) as { url: string; key: string | null }
}

async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** What was killed may hold on to the folder for a moment. */
export async function removeFolder(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      rmSync(path, { recursive: true, force: true })
      return
    } catch (error) {
      if (tries === 100) throw error
      await pause(100)
    }
  }
}

/**
 * Looks again and again until what is looked for is there; throws what the last look threw. Looks that take their time
 * may have three times as long in all: what never comes is one failure, and not that of the whole run.
 */
export async function until<T>(look: () => Promise<T> | T, timeoutMs = 60_000): Promise<T> {
  const attempts = Math.ceil(timeoutMs / 50)
  const end = performance.now() + 3 * timeoutMs
  for (let tries = 1; ; tries++) {
    try {
      return await look()
    } catch (error) {
      if (tries >= attempts || performance.now() > end) throw error
      await pause(50)
    }
  }
}

/** Waits until a job has ended, over restarts of the server. */
export async function ended(server: ServerProcess, job: string): Promise<Job> {
  return until(async () => {
    const now = await server.client.job.wait({ job, seconds: 10 })
    if (now.endedAt === null) throw new Error(`job ${now.name} is still ${now.state}: ${now.reason ?? ''}`)
    return now
  }, 90_000)
}

/** Submits a job and waits for its end. */
export async function run(server: ServerProcess, command: string, more: object = {}): Promise<Job> {
  const { id } = await server.client.job.create({ body: { command, project: 'system', ...more } })
  return ended(server, id)
}

/** Lines of the standard output of a job, or of another source. */
export async function linesOf(
  server: ServerProcess,
  job: string,
  source: 'stdout' | 'stderr' | 'system' = 'stdout',
): Promise<string[]> {
  const { items } = await server.client.job.logs({ job, source, limit: 10_000 })
  return items.map((line) => line.text)
}
