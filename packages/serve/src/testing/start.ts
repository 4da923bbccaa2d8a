import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Config, parseConfig } from '../config.ts'
import { createHttpServer } from '../http/server.ts'
import { createMetrics } from '../metrics.ts'
import { Repository } from '../model/repository.ts'
import { routes } from '../protocols/routes.ts'

export interface TestServer {
  url: string
  repository: Repository
  /** Lines of its log. */
  lines: string[]
  get(path: string): Promise<Reply>
  /** An object goes as JSON, other things as they are. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  close(): Promise<void>
}

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The text as JSON. */
  json: Record<string, unknown>
}

/** A server in this process, with its workers; resolves once every model has been loaded, or has failed. */
export async function startServer(config: Record<string, unknown>): Promise<TestServer> {
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const metrics = createMetrics()
  const parsed: Config = parseConfig({ ...config, port: 0 }, 'the test')
  const repository = new Repository(parsed, { log, metrics })
  const server = createHttpServer({ repository, metrics, routes, log })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await Promise.all(repository.versions.map(({ settled }) => settled.promise))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    repository,
    lines,
    get: async (path) => replyOf(await fetch(url + path)),
    post: async (path, body, headers = {}) => {
      const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
      return replyOf(await fetch(url + path, { method: 'POST', body: sent as string, headers }))
    },
    async close() {
      server.close()
      server.closeAllConnections()
      const pids = repository.versions.flatMap(({ name, version }) => workersOf(`${name}/${version}`))
      repository.stop()
      await until(() => pids.every((pid) => !isAlive(pid)))
    },
  }
}

/** Polls a condition, for as long as a busy machine may need. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await condition()); waitedMs += 20) {
    if (waitedMs > 60_000) throw new Error(`this did not come about: ${condition.toString()}`)
    await pause(20)
  }
}

/** Processes that run a version for this process. */
export function workersOf(label: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const args = readProc(pid, 'cmdline').split('\0')
      const parent = Number(
        readProc(pid, 'stat')
          .replace(/^.*\) /s, '')
          .split(' ')[1],
      )
      return parent === process.pid && args.includes(label)
    })
}

/** A folder that goes when `remove` is called. */
export function makeFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'nabla-serve-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

const isAlive = (pid: number): boolean =>
  !['', 'Z'].includes(
    readProc(pid, 'stat')
      .replace(/^.*\) /s, '')
      .slice(0, 1),
  )

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  const json = isJson && !/NaN|Infinity/.test(text) ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, headers: response.headers, text, json }
}
