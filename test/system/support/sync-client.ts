import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ServerProcess } from './server-process.ts'

const root = join(import.meta.dirname, '../../..')

/** How a command ended, and what it wrote. */
export interface CommandEnd {
  /** Null: it was killed. */
  code: number | null
  stdout: string
  stderr: string
}

/** `nabla` as a process of its own, with `home` as its home; it is killed at the latest when the test is over. */
export function startNabla(server: ServerProcess, home: string, argv: readonly string[]) {
  const child = spawn(join(root, 'node_modules/.bin/node'), [join(root, 'packages/cli/src/main.ts'), ...argv], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, NABLA_URL: server.url, NABLA_API_KEY: server.key },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk))
  const end: Promise<CommandEnd> = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    stdout,
    stderr,
  }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await end
  })
  return { end, kill: () => child.kill('SIGKILL') }
}

/** The arguments that send a folder and submit a job with it. */
export const submitting = (folder: string, command = 'true'): string[] => [
  'job',
  'create',
  '--json',
  '--no-init',
  '--project',
  'sync',
  '--workspace',
  folder,
  '--',
  'sh',
  '-c',
  command,
]

/** The id of the job that `submitting` has made. */
export const jobOf = ({ stdout }: CommandEnd): string => (JSON.parse(stdout) as { id: string }).id

/** A port that nobody has now: a server that is started again has to answer at the same address. */
export async function freePort(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  return String(typeof address === 'object' ? address?.port : '')
}

/** Writes into `target` what the job began with. Throws when the server does not send it whole. */
export async function fetchWorkspace(server: ServerProcess, job: string, target: string): Promise<void> {
  const answer = await server.client.workspace.archive({ job, format: 'tar' })
  const bytes = Buffer.from(await answer.arrayBuffer())
  mkdirSync(target, { recursive: true })
  writeFileSync(`${target}.tar`, bytes)
  execFileSync('tar', ['-xf', `${target}.tar`, '-C', target])
}

/** How two folders differ, in the words of `diff`; '' if they do not. */
export function difference(one: string, other: string): string {
  try {
    return execFileSync('diff', ['-rq', one, other], { encoding: 'utf8' })
  } catch (error) {
    return String((error as { stdout?: unknown }).stdout)
  }
}
