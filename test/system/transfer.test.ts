import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  createReadStream,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  removeFolder,
  type ServerProcess,
  startServerProcess,
  temporaryFolder,
  until,
} from './support/server-process.ts'

const root = join(import.meta.dirname, '../..')
const MiB = 1024 * 1024

/** A port that nobody has now: a server that is started again has to answer at the same address. */
async function freePort(): Promise<string> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  return String(typeof address === 'object' ? address?.port : '')
}

async function aServer(): Promise<ServerProcess> {
  return startServerProcess({ env: { NABLA_PORT: await freePort() } })
}

function aFolder(): string {
  const folder = temporaryFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}

/** `nabla cp` as a process of its own; `end` resolves with its exit code and what it said. */
function startCopy(server: ServerProcess, cwd: string, ...argv: string[]) {
  const child: ChildProcess = spawn(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'packages/cli/src/main.ts'), 'cp', ...argv],
    {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, NABLA_URL: server.url, NABLA_API_KEY: server.key },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk))
  const end = once(child, 'close').then(([code]) => ({ code: code as number | null, said }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await end
  })
  return { end, kill: () => child.kill('SIGKILL') }
}

async function copy(server: ServerProcess, cwd: string, ...argv: string[]): Promise<string> {
  const { code, said } = await startCopy(server, cwd, ...argv).end
  expect({ code, said }).toMatchObject({ code: 0 })
  return said
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** A large file of bytes that differ throughout. */
function writeLarge(path: string, sizeBytes: number): void {
  writeFileSync(path, randomBytes(sizeBytes))
}

const arrived = (server: ServerProcess): number =>
  globSync(join(server.data, 'volumes/.uploads/*/*/data')).reduce((sum, path) => sum + statSync(path).size, 0)

const uploadsLeft = (server: ServerProcess): string[] => globSync(join(server.data, 'volumes/.uploads/*/*'))

test('a large upload goes on where it was after kill -9 of client and server', async () => {
  const server = await aServer()
  const cwd = aFolder()
  writeLarge(join(cwd, 'large'), 300 * MiB)
  const first = startCopy(server, cwd, 'large', 'storage:sets/')
  await until(() => expect(arrived(server)).toBeGreaterThan(20 * MiB))
  first.kill()
  await first.end
  const before = await until(() => {
    expect(arrived(server)).toBeGreaterThan(0)
    return arrived(server)
  })
  const second = startCopy(server, cwd, 'large', 'storage:sets/')
  // More than what the server may still have received of the first one.
  await until(() => expect(arrived(server)).toBeGreaterThan(before + 32 * MiB))
  await server.kill()
  const kept = arrived(server)
  expect(kept).toBeGreaterThanOrEqual(before)
  await server.start()
  expect(arrived(server)).toBeGreaterThanOrEqual(kept)
  expect(await second.end).toEqual({ code: 0, said: expect.any(String) })
  const there = await server.client.storage.checksum({ path: 'sets/large' })
  expect(there.sha256).toBe(await hashOf(join(cwd, 'large')))
  expect(uploadsLeft(server)).toEqual([])
  expect(await copy(server, cwd, 'large', 'storage:sets/')).toContain('1 file there already')
})

test('a large download goes on where it was after kill -9 of client and server', async () => {
  const server = await aServer()
  const cwd = aFolder()
  writeLarge(join(cwd, 'large'), 300 * MiB)
  await copy(server, cwd, 'large', 'storage:')
  const journal = join(cwd, 'back/.large.nabla-parts')
  const parts = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length - 2 : 0)
  const first = startCopy(server, cwd, 'storage:large', 'back/')
  await until(() => expect(parts()).toBeGreaterThan(0))
  first.kill()
  await first.end
  expect(existsSync(join(cwd, 'back/large'))).toBe(false)
  const before = parts()
  const second = startCopy(server, cwd, 'storage:large', 'back/')
  await until(() => expect(existsSync(join(cwd, 'back/large')) || parts() > before).toBe(true))
  await server.kill()
  await server.start()
  expect(await second.end).toEqual({ code: 0, said: expect.any(String) })
  expect(await hashOf(join(cwd, 'back/large'))).toBe(await hashOf(join(cwd, 'large')))
  expect(readdirSync(join(cwd, 'back'))).toEqual(['large'])
})

test('many small files: what was cut is gone on with, and each is whole', async () => {
  const server = await aServer()
  const cwd = aFolder()
  await copyMany(server, cwd)
  expect(await copy(server, cwd, '-r', 'many', 'storage:')).toMatch(/there already/)
  expect((await server.client.storage.du({ path: 'many' })).total.files).toBe(6000)
  await copy(server, cwd, '-r', 'storage:many/', 'back')
  for (const n of [0, 1, 2999, 5999]) {
    expect(readFileSync(join(cwd, `back/${n}`), 'utf8')).toBe(readFileSync(join(cwd, `many/${n}`), 'utf8'))
  }
  expect(readdirSync(join(server.data, 'volumes/.staging'))).toEqual([])
})

/** Six thousand files, of which some are in place when the server is killed. */
async function copyMany(server: ServerProcess, cwd: string): Promise<void> {
  mkdirSync(join(cwd, 'many'))
  for (let n = 0; n < 6000; n++) writeFileSync(join(cwd, 'many', String(n)), `file ${n} `.repeat(200))
  const first = startCopy(server, cwd, '-r', 'many', 'storage:')
  await until(() => expect(globSync(join(server.data, 'volumes/vo*/many/*')).length).toBeGreaterThan(0))
  first.kill()
  await first.end
  await server.kill()
  for (const path of globSync(join(server.data, 'volumes/vo*/many/*')))
    expect(statSync(path).size).toBeGreaterThan(1000)
  await server.start()
}
