import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@nabla/api/client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startProxy } from '../testing/proxy.ts'
import { aFolder, runCli } from '../testing/run-cli.ts'
import { startServer, type TestServer } from '../testing/server.ts'
import { scanWorkspace } from '../workspace/scan.ts'
import { syncFolder, type Synced, type TreeServer } from './sync.ts'
import { treeServer } from './upload.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const parcelBytes = 8 * 1024 * 1024

interface Options {
  cacheFolder: string
  calls?: Partial<TreeServer>
  compress?: boolean
  beforeSending?: () => Promise<void>
}

/** The server itself, with some calls changed. Times look as if files had been written long ago. */
function sync(folder: string, { cacheFolder, calls, compress = false, beforeSending }: Options): Promise<Synced> {
  const client = createClient({ url: server.url, key: server.key })
  return syncFolder({
    folder,
    scan: scanWorkspace(folder, [], { cacheFolder, now: later }),
    server: { ...treeServer(client, (call) => call()), ...calls },
    compress,
    progress: { add: () => {}, grow: () => {}, stop: () => {} },
    beforeSending,
    now: later,
  })
}

const later = (): number => Date.now() + 60_000

const noneSent = { sentFiles: 0, sentBytes: 0, travelledBytes: 0 }

async function aTree(files = 300): Promise<string> {
  const folder = await aFolder()
  for (let index = 0; index < files; index++) {
    await mkdir(join(folder, `part-${index % 7}`), { recursive: true })
    await writeFile(join(folder, `part-${index % 7}`, `file-${index}`), randomBytes(500))
  }
  await writeFile(join(folder, 'large.bin'), randomBytes(20_000_000))
  return folder
}

test('sends everything once; a second time nothing is sent, and no file is read', async () => {
  const folder = await aTree()
  const cacheFolder = await aFolder()
  const first = await sync(folder, { cacheFolder })
  expect(first).toMatchObject({ sentFiles: 301, sentBytes: 20_150_000, changed: [], gone: [] })
  expect(first.tree).toMatchObject({ files: 301, sizeBytes: 20_150_000 })
  const scan = scanWorkspace(folder, [], { cacheFolder, now: later })
  // What is not there cannot be read.
  await rm(join(folder, 'large.bin'))
  await rm(join(folder, 'part-0'), { recursive: true })
  const client = createClient({ url: server.url, key: server.key })
  const second = await syncFolder({
    folder,
    scan,
    server: treeServer(client, (call) => call()),
    compress: false,
    progress: { add: () => {}, grow: () => {}, stop: () => {} },
    now: Date.now,
  })
  expect(second).toMatchObject({ ...noneSent, tree: first.tree, gone: [] })
})

test('without what it remembers it reads everything, and still sends nothing', async () => {
  const folder = await aTree()
  const first = await sync(folder, { cacheFolder: await aFolder() })
  expect(await sync(folder, { cacheFolder: await aFolder() })).toMatchObject({ ...noneSent, tree: first.tree })
})

test('a change sends what is around it; a new time alone sends nothing', async () => {
  const folder = await aTree()
  const cacheFolder = await aFolder()
  const first = await sync(folder, { cacheFolder })
  const file = await open(join(folder, 'large.bin'), 'r+')
  await file.write(Buffer.from([1]), 0, 1, 10_000_000)
  await file.close()
  const second = await sync(folder, { cacheFolder })
  expect(second.sentFiles).toBe(1)
  expect(second.travelledBytes).toBeLessThan(2 * 1024 * 1024)
  expect(second.tree.digest).not.toBe(first.tree.digest)
  await utimes(join(folder, 'part-1', 'file-1'), 1, 1)
  expect(await sync(folder, { cacheFolder })).toMatchObject({ ...noneSent, tree: second.tree })
  await rm(join(folder, 'part-2', 'file-2'))
  const fourth = await sync(folder, { cacheFolder })
  expect(fourth).toMatchObject({ sentFiles: 0, sentBytes: 0, tree: { files: 300 } })
})

test('of a large file that changed a little, what it was before is asked about once, and sent where it is gone', async () => {
  const folder = await aFolder()
  await writeFile(join(folder, 'large.bin'), randomBytes(40_000_000))
  const cacheFolder = await aFolder()
  await sync(folder, { cacheFolder })
  const real = treeServer(createClient({ url: server.url, key: server.key }), (call) => call())
  const asked: (readonly string[])[] = []
  const lacking = async (hashes: readonly string[]): Promise<readonly string[]> => {
    const [first] = hashes
    asked.push(hashes)
    // As if the server had lost one of those that it is asked about.
    return [...(await real.lacking(hashes)), ...(hashes.length > 10 && first !== undefined ? [first] : [])]
  }
  const file = await open(join(folder, 'large.bin'), 'r+')
  await file.write(Buffer.from([1]), 0, 1, 20_000_000)
  await file.close()
  const second = await sync(folder, { cacheFolder, calls: { lacking } })
  expect(asked.map(({ length }) => length > 10).filter(Boolean)).toHaveLength(1)
  expect(asked.flat().length).toBeGreaterThan(40)
  expect(new Set(asked.flat()).size).toBe(asked.flat().length)
  expect(second.sentBytes).toBeGreaterThan(200_000)
  expect(second.travelledBytes).toBeLessThan(4 * 1024 * 1024)
  expect(await sync(folder, { cacheFolder: await aFolder() })).toMatchObject({ ...noneSent, tree: second.tree })
})

test('what compresses travels compressed, what does not as it is', async () => {
  const folder = await aFolder()
  await writeFile(join(folder, 'text'), 'a line of text\n'.repeat(200_000))
  await writeFile(join(folder, 'small'), 'abc '.repeat(400))
  const text = await sync(folder, { cacheFolder: await aFolder(), compress: true })
  expect(text.sentBytes).toBe(3_001_600)
  expect(text.travelledBytes).toBeLessThan(50_000)
  const random = await aFolder()
  await writeFile(join(random, 'random'), randomBytes(3_000_000))
  const { travelledBytes } = await sync(random, { cacheFolder: await aFolder(), compress: true })
  expect(travelledBytes).toBeGreaterThan(3_000_000)
  expect(travelledBytes).toBeLessThan(3_002_000)
})

test('chunks that the server had and lost meanwhile are sent after all', async () => {
  const folder = await aTree(30)
  const cacheFolder = await aFolder()
  let asked = 0
  // The first answers are as if everything was there, and gone a moment later.
  const calls: Partial<TreeServer> = {
    lacking: async (hashes) => {
      if (asked++ < 3) return []
      return treeServer(createClient({ url: server.url, key: server.key }), (call) => call()).lacking(hashes)
    },
  }
  const synced = await sync(folder, { cacheFolder, calls })
  expect(synced.tree.files).toBe(31)
  expect(synced.sentFiles).toBeGreaterThan(0)
  expect(await sync(folder, { cacheFolder: await aFolder() })).toMatchObject({ ...noneSent, tree: synced.tree })
})

test('a file that changed since it was remembered, behind our back, is read again', async () => {
  const folder = await aTree(5)
  const cacheFolder = await aFolder()
  const path = join(folder, 'part-1', 'file-1')
  const forgetful = { lackingSegments: async (hashes: readonly string[]) => hashes, commit: neverAtFirst() }
  await sync(folder, { cacheFolder })
  const scan = scanWorkspace(folder, [], { cacheFolder, now: later })
  await writeFile(path, randomBytes(700))
  const client = createClient({ url: server.url, key: server.key })
  const real = treeServer(client, (call) => call())
  const lostOne = async (hashes: readonly string[]): Promise<readonly string[]> => [...hashes]
  const synced = await syncFolder({
    folder,
    scan,
    server: { ...real, ...forgetful, lacking: lostOne },
    compress: false,
    progress: { add: () => {}, grow: () => {}, stop: () => {} },
    now: Date.now,
  })
  expect(synced.tree.sizeBytes).toBe(20_000_000 + 4 * 500 + 700)
})

test('it is asked before much is sent, whether that is read or was known', async () => {
  const folder = await aTree(5)
  const cacheFolder = await aFolder()
  const beforeSending = () => Promise.reject(new Error('better not'))
  const send = () => Promise.reject(new Error('sent all the same'))
  await expect(sync(folder, { cacheFolder, calls: { send }, beforeSending })).rejects.toThrow('better not')
  await sync(folder, { cacheFolder })
  await writeFile(join(folder, 'little'), randomBytes(100))
  expect(await sync(folder, { cacheFolder, beforeSending })).toMatchObject({ sentFiles: 1, sentBytes: 100 })
  const all = async (hashes: readonly string[]): Promise<readonly string[]> => hashes
  const empty = { send, lacking: all, lackingSegments: all, commit: neverAtFirst() }
  await expect(sync(folder, { cacheFolder, calls: empty, beforeSending })).rejects.toThrow('better not')
})

/** The commit of the real server, which at first says that the tree is not there. */
function neverAtFirst(): TreeServer['commit'] {
  let calls = 0
  const digestOfNothing = '0'.repeat(64)
  const real = treeServer(createClient({ url: server.url, key: server.key }), (call) => call())
  return (digest) => real.commit(calls++ === 0 ? digestOfNothing : digest)
}

/** `nabla job create --workspace FOLDER`, as a process of its own. */
function submit(folder: string, url: string, cache: string): ChildProcess {
  const main = fileURLToPath(import.meta.resolve('../main.ts'))
  const args = [main, 'job', 'create', '--no-init', '--project', 'p', '--workspace', folder, '--', 'true']
  const env = { ...server.env, NABLA_URL: url, XDG_CACHE_HOME: cache, HOME: cache, PATH: process.env['PATH'] }
  return spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
}

test('an upload whose client was killed carries on where it stopped', async () => {
  const folder = await aFolder()
  const whole = 120_000_000
  await writeFile(join(folder, 'data.bin'), randomBytes(whole))
  const [cache, proxy] = [await aFolder(), await startProxy(server.url)]
  const killed = submit(folder, proxy.url, cache)
  await proxy.reached(whole / 2)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const before = proxy.sentBytes()
  const again = submit(folder, proxy.url, cache)
  let said = ''
  again.stderr?.on('data', (text: Buffer) => (said += text.toString()))
  const [code] = await once(again, 'exit')
  expect(said).toMatch(/Sent 1 of 1 file \([\d.]+ MB of 120 MB\)/)
  expect(code).toBe(0)
  expect(before).toBeGreaterThan(whole / 2)
  expect(proxy.sentBytes()).toBeLessThan(whole + 5 * parcelBytes)
})

test('an upload goes on when the server is killed and comes back', async () => {
  const folder = await aFolder()
  const whole = 100_000_000
  await writeFile(join(folder, 'data.bin'), randomBytes(whole))
  const proxy = await startProxy(server.url)
  const restarted = proxy.reached(whole / 2).then(() => server.restart('SIGKILL'))
  const ran = await runCli(['job', 'create', '--no-init', '--project', 'p', '--', 'true'], {
    cwd: folder,
    env: { ...server.env, NABLA_URL: proxy.url },
  })
  await restarted
  expect(ran.stderr).toContain('The server does not answer. Trying again…\nThe server is back.\n')
  expect(ran).toMatchObject({ exitCode: 0 })
  expect(proxy.sentBytes()).toBeLessThan(whole + 5 * parcelBytes)
})

test('when the server stays away, it says so after a time and how to carry on', async () => {
  const folder = await aFolder()
  await writeFile(join(folder, 'data.bin'), randomBytes(60_000_000))
  expect((await stat(join(folder, 'data.bin'))).size).toBe(60_000_000)
  const other = await startServer()
  onTestFinished(() => other.close())
  const proxy = await startProxy(other.url)
  const gone = proxy.reached(20_000_000).then(() => proxy.cut())
  let ahead = 0
  const ran = await runCli(['job', 'create', '--no-init', '--project', 'p', '--', 'true'], {
    cwd: folder,
    env: { ...other.env, NABLA_URL: proxy.url },
    // Each look at the clock is half a minute later.
    clock: () => Date.now() + (ahead += 30_000),
  })
  await gone
  expect(ran.exitCode).toBe(6)
  expect(ran.stderr).toContain('does not answer. It was tried for 120 s.')
  expect(ran.stderr).toContain('the same command carries on where this one stopped')
})
