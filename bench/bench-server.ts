import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, createClient } from '@nabla/api/client'
import { jobStates } from '@nabla/api/job'

/** A server in a process of its own, on a data folder of its own. */
export interface BenchServer extends AsyncDisposable {
  url: string
  /** The key of the first admin; '' when the database had one already. */
  key: string
  client: Client
  data: string
  pid: number
  /** The most memory it has held so far, in bytes. */
  peakMemoryBytes(): number
}

/**
 * Starts one; disposing it stops it and deletes its data. `settings` are those of the server, and `key` is given when
 * the database knows one already. With BENCH_PROFILE=FOLDER the server leaves a CPU profile there.
 */
export async function startBenchServer(settings: Record<string, unknown> = {}, key?: string): Promise<BenchServer> {
  const data = typeof settings['data'] === 'string' ? settings['data'] : await makeTempFolder()
  const config = { logLevel: 'error', ...settings, data, port: 0 }
  const profile = process.env['BENCH_PROFILE']
  // As `bin/nabla` starts it.
  const flags = ['--max-semi-space-size=8']
  if (profile !== undefined) flags.push('--cpu-prof', `--cpu-prof-dir=${profile}`)
  const program = join(import.meta.dirname, 'server.ts')
  const env = { NODE_COMPILE_CACHE: join(homedir(), '.cache', 'nabla'), ...process.env }
  const child = spawn(process.execPath, [...flags, program, JSON.stringify(config)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    await stopChild(child)
    await rm(data, { recursive: true, force: true })
  }
  try {
    const ready = await firstLine(child)
    const url = ready.url
    const secret = key ?? ready.key ?? ''
    return {
      url,
      key: secret,
      client: createClient({ url, key: secret }),
      data,
      pid: child.pid ?? 0,
      peakMemoryBytes: () => peakMemoryBytes(child.pid ?? 0),
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

export const makeTempFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'nabla-bench-'))

/** Waits until the job has ended and checks that it succeeded. */
export async function untilSucceeded(client: Client, job: string): Promise<void> {
  for (;;) {
    const { state, reason } = await client.job.wait({ job, seconds: 30 })
    if (state === 'succeeded') return
    if (jobStates[state].ended) throw new Error(`a job of the bench is ${state}: ${reason}`)
  }
}

async function firstLine(child: ChildProcess): Promise<{ url: string; key: string | null }> {
  if (!child.stdout) throw new Error('the server has no output')
  const lines = createInterface({ input: child.stdout })
  const ended = once(child, 'exit').then(() => {
    throw new Error('the server of the bench did not start')
  })
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  ended.catch(() => undefined)
  return JSON.parse(line) as { url: string; key: string | null }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

function peakMemoryBytes(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
