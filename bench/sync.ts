import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { appendFile, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type BenchServer, makeTempFolder, startBenchServer, untilSucceeded } from './bench-server.ts'
import { formatSeconds, median, type Section } from './report.ts'
import { isInstalled, runShell, untilDone } from './shell.ts'

const smallFiles = 50_000
const smallBytes = 20_000
const largeBytes = 4e9

const rounds = 3

/**
 * Sending a folder by content with the CLI, beside rsync over loopback and beside zipping all of it. With BENCH_SYNC=tree
 * or BENCH_SYNC=file only the one of them, and without the zip, which takes longer than all else.
 */
export async function sync(): Promise<Section> {
  const work = await makeTempFolder()
  const only = process.env['BENCH_SYNC']
  const zipped = only === undefined && (await isInstalled('zip'))
  try {
    const rows: string[][] = []
    if (only !== 'file') rows.push(...(await measureFolder(work, tree, zipped)))
    if (only !== 'tree') rows.push(...(await measureFolder(work, file, zipped)))
    return {
      title: 'Sync',
      about:
        'The whole process `nabla job create --workspace FOLDER`: look at the folder, send what the server lacks, have ' +
        'it on the disk, store the job. Beside it `rsync -a` to its own daemon on the same machine, which does not wait ' +
        'for the disk; the same with `--fsync`, which does, as Nabla does; and the old way: `zip -r`, then the upload ' +
        'of the archive, to another server. `sent`: all bytes that crossed loopback meanwhile, both ways. Memory: the ' +
        `most that client and server held. Medians of ${rounds} rounds, each with a new server and new targets, one ` +
        'of the zip. The folder is in the page cache before each; contents are random, so that nothing compresses.',
      columns: [
        'folder',
        'nabla',
        'rsync',
        'rsync --fsync',
        'zip and upload',
        'nabla sent',
        'rsync sent',
        'client',
        'server',
      ],
      rows,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** A folder to send. */
interface Sample {
  what: string
  make(folder: string): Promise<void>
  /** The file of which a byte changes. */
  changes: string
}

const tree: Sample = { what: '50,000 files, 1 GB', make: makeTree, changes: 'part-7/file-7.bin' }
const file: Sample = { what: 'one file, 4 GB', make: makeFile, changes: 'data.bin' }

async function measureFolder(work: string, sample: Sample, zipped: boolean): Promise<string[][]> {
  const folder = join(work, 'folder')
  await sample.make(folder)
  const measures: Measures[][] = []
  for (let round = 0; round < rounds; round++) measures.push(await measureRound(work, folder, sample))
  const zipMs = zipped ? await measureZip(folder) : 0
  await rm(folder, { recursive: true })
  await rm(`${folder}.zip`, { force: true })
  return ['first', 'one byte changed', 'unchanged'].map((step, index) => {
    const all = (name: keyof Measures) => measures.map((round) => round[index]?.[name] ?? 0)
    const of = (name: keyof Measures) => median(all(name))
    return [
      `${sample.what}: ${step}`,
      formatSeconds(of('nablaMs')),
      of('rsyncMs') === 0 ? 'not installed' : formatSeconds(of('rsyncMs')),
      of('syncedMs') === 0 ? '' : formatSeconds(of('syncedMs')),
      index === 0 && zipMs > 0 ? formatSeconds(zipMs) : '',
      megabytes(of('nablaBytes')),
      megabytes(of('rsyncBytes')),
      megabytes(Math.max(...all('clientBytes'))),
      megabytes(Math.max(...all('serverBytes'))),
    ]
  })
}

/** A first sync, one after a byte changed, and one after nothing did. */
async function measureRound(work: string, folder: string, { changes }: Sample): Promise<Measures[]> {
  await using server = await startBenchServer({ engines: ['fake'] })
  await using rsync = await startRsync(work)
  const first = await compare(server, rsync, folder)
  await changeByte(join(folder, changes))
  return [first, await compare(server, rsync, folder), await compare(server, rsync, folder)]
}

interface Measures {
  nablaMs: number
  rsyncMs: number
  syncedMs: number
  nablaBytes: number
  rsyncBytes: number
  clientBytes: number
  serverBytes: number
}

async function compare(server: BenchServer, rsync: Rsync, folder: string): Promise<Measures> {
  await settle(folder)
  const nabla = await measured(() => submit(server, folder))
  // What the server makes of the files for the job is no part of it, and must not disturb what follows.
  for (const { id } of (await server.client.job.list({ limit: 1 })).items) await untilSucceeded(server.client, id)
  await settle(folder)
  const peer = await measured(() => rsync.send(folder, 'target'))
  await settle(folder)
  const synced = await measured(() => rsync.send(folder, 'synced', '--fsync'))
  return {
    nablaMs: nabla.ms,
    rsyncMs: peer.ms,
    syncedMs: synced.ms,
    nablaBytes: nabla.sentBytes,
    rsyncBytes: peer.sentBytes,
    clientBytes: nabla.peakBytes,
    serverBytes: server.peakMemoryBytes(),
  }
}

/** Nothing waits for the disk, and all of the folder is in the page cache, which some machines empty within a minute. */
async function settle(folder: string): Promise<void> {
  await runShell('sync')
  await runShell('find "$1" -type f -exec cat {} + > /dev/null', folder)
}

/** By way of a server of its own, whose memory is not that of the others. */
async function measureZip(folder: string): Promise<number> {
  await using server = await startBenchServer({ engines: ['fake'] })
  return (await measured(() => zip(server, folder))).ms
}

const megabytes = (bytes: number): string => (bytes === 0 ? '' : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`)

/** How long `start` took, what crossed loopback meanwhile, and the most memory of the process that it started. */
async function measured(start: () => ChildProcess | null) {
  const sentBefore = loopbackBytes()
  const began = performance.now()
  const child = start()
  if (child === null) return { ms: 0, sentBytes: 0, peakBytes: 0 }
  let peakBytes = 0
  const look = setInterval(() => (peakBytes = Math.max(peakBytes, peakMemoryBytes(child.pid ?? 0))), 20)
  try {
    await untilDone(child, 'what is measured')
  } finally {
    clearInterval(look)
  }
  return { ms: performance.now() - began, sentBytes: loopbackBytes() - sentBefore, peakBytes }
}

function submit({ url, key, data }: BenchServer, workspace: string): ChildProcess {
  const nabla = join(import.meta.dirname, '..', 'bin', 'nabla')
  const env = { PATH: process.env['PATH'], HOME: data, NABLA_URL: url, NABLA_API_KEY: key }
  const args = ['job', 'create', '--no-init', '--project', 'bench', '--workspace', workspace, '--', 'true']
  return spawn(nabla, args, { cwd: data, env, stdio: ['ignore', 'ignore', 'pipe'] })
}

function zip({ url, key, data }: BenchServer, folder: string): ChildProcess {
  const nabla = join(import.meta.dirname, '..', 'bin', 'nabla')
  const env = { PATH: process.env['PATH'], HOME: data, NABLA_URL: url, NABLA_API_KEY: key }
  const line = 'cd "$1" && zip -q -r "$2" . && "$3" job create --no-init --project bench --workspace "$2" -- true'
  return spawn('bash', ['-c', line, 'bash', folder, `${folder}.zip`, nabla], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

interface Rsync extends AsyncDisposable {
  /** Sends a folder into one of its targets. Null where rsync is not installed. */
  send(folder: string, target: 'target' | 'synced', ...flags: string[]): ChildProcess | null
}

/** rsync's own daemon, without a cipher between: what it costs to move the bytes and no more. */
async function startRsync(work: string): Promise<Rsync> {
  if (!(await isInstalled('rsync'))) return { send: () => null, [Symbol.asyncDispose]: async () => {} }
  const targets = ['target', 'synced'].map((name) => ({ name, path: join(work, 'rsync', name) }))
  for (const { path } of targets) await mkdir(path, { recursive: true })
  const port = await freePort()
  const config = join(work, 'rsyncd.conf')
  const user = `use chroot = no\nuid = ${process.getuid?.()}\ngid = ${process.getgid?.()}\nread only = no\n`
  await writeFile(config, user + targets.map(({ name, path }) => `[${name}]\npath = ${path}\n`).join(''))
  const args = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
  // The pipe that Node would give it as its input is a socket, on which it would wait for its one client.
  const daemon = spawn('rsync', args, { stdio: 'ignore' })
  await untilListening(port)
  return {
    send: (folder, target, ...flags) =>
      spawn('rsync', ['-a', ...flags, folder, `rsync://127.0.0.1:${port}/${target}/`], {
        stdio: ['ignore', 'ignore', 'pipe'],
      }),
    async [Symbol.asyncDispose]() {
      daemon.kill()
      await once(daemon, 'exit')
      for (const { path } of targets) await rm(path, { recursive: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const answered = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('rsync does not listen')
}

/** Bytes that loopback has carried so far. */
function loopbackBytes(): number {
  const [, bytes] = /^\s*lo:\s*(\d+)/m.exec(readFileSync('/proc/net/dev', 'utf8')) ?? []
  return Number(bytes)
}

/** The most memory that a process has held; 0 once it has ended. */
function peakMemoryBytes(pid: number): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes ?? 0) * 1024
  } catch {
    return 0
  }
}

async function makeTree(folder: string): Promise<void> {
  for (let part = 0; part < 500; part++) await mkdir(join(folder, `part-${part}`), { recursive: true })
  for (let file = 0; file < smallFiles; file++) {
    await writeFile(join(folder, `part-${file % 500}`, `file-${file}.bin`), randomBytes(smallBytes))
  }
}

async function makeFile(folder: string): Promise<void> {
  await mkdir(folder)
  const part = 10_000_000
  for (let done = 0; done < largeBytes; done += part) await appendFile(join(folder, 'data.bin'), randomBytes(part))
}

async function changeByte(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    const byte = Buffer.alloc(1)
    const middle = Math.floor(size / 2)
    await file.read(byte, 0, 1, middle)
    byte[0] = (byte[0] ?? 0) ^ 1
    await file.write(byte, 0, 1, middle)
  } finally {
    await file.close()
  }
}
