import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A real server in a process of its own, on a data folder of its own. */
export interface TestServer {
  url: string
  key: string
  /** What a CLI needs to use it. */
  env: Record<string, string>
  /** Ends the process as the system would end it, and starts it again at the same address. */
  restart(signal: NodeJS.Signals): Promise<void>
  close(): Promise<void>
}

const program = fileURLToPath(import.meta.resolve('@nabla/server'))

/** Starts a server on a free port. */
export async function startServer(): Promise<TestServer> {
  const data = await mkdtemp(join(tmpdir(), 'nabla-cli-server-'))
  let { child, ready } = await launch(data, '0')
  const { url, key } = ready
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return {
    url,
    key: key ?? '',
    env: { NABLA_URL: url, NABLA_API_KEY: key ?? '', NABLA_CONFIG: join(data, 'cli.json') },
    async restart(signal) {
      await end(signal)
      ;({ child, ready } = await launch(data, new URL(url).port))
    },
    async close() {
      await end('SIGTERM')
      await rm(data, { recursive: true, force: true })
    },
  }
}

interface Ready {
  url: string
  key: string | null
}

async function launch(data: string, port: string): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], HOME: data, NABLA_DATA: data, NABLA_PORT: port, NABLA_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Nor may a test that forgets it leave it behind: the run of tests would wait for its output to end.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the server ended with ${String(code)} before it was ready`)
  })
  const line = once(createInterface({ input: child.stdout }), 'line')
  const [text] = (await Promise.race([line, exited])) as [string]
  exited.catch(() => {})
  return { child, ready: JSON.parse(text) as Ready }
}
