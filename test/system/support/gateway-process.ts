import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import type { ServerProcess } from './server-process.ts'

const root = join(import.meta.dirname, '../../..')

/** `nabla gateway` beside a server, on a free port or on one that another gateway has. It is killed after the test. */
export async function startGatewayProcess(
  { data }: ServerProcess,
  port = 0,
): Promise<{ child: ChildProcess; url: string; port: number }> {
  const args = ['gateway', '--json', '--data', data, '--port', String(port)]
  const child = spawn(join(root, 'node_modules/.bin/node'), [join(root, 'packages/cli/src/main.ts'), ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  return { child, url, port: Number(new URL(url).port) }
}
