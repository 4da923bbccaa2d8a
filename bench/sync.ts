import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { appendFile, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { type BenchServer, makeTempFolder, startBenchServer, untilSucceeded } from './bench-server.ts'
import { formatSeconds, type Section } from './report.ts'
import { isInstalled, runShell, untilDone } from './shell.ts'

const smallFiles = 50_000
const smallBytes = 20_000
const largeBytes = 4e9

/**
 * Sending a folder by content with the CLI, beside rsync over loopback and beside zipping all of it. With BENCH_SYNC=tree
 * or BENCH_SYNC=file only the one of them, and without the zip, which takes longer than all else.
 */
export async function sync(): Promise<Section> {
  const work = await makeTempFolder()
  const only = process.env['BENCH_SYNC']
  const zipped = only === undefined && (await isInstalled('zip'))
  try {
    await using rsync = await startRsync(work)
    const rows: string[][] = []
    if (only !== 'file') rows.push(...(await measureTree(work, rsync, zipped)))
    if (only !== 'tree') rows.push(...(await measureFile(work, rsync, zipped)))
    return {
      title: 'Sync',
      about:
        'The whole process `nabla job create --workspace FOLDER`: look at the folder, send what the server lacks, have ' +
        'it on the disk, store the job. Beside it `rsync -a` to its own daemon on the same machine (which does not wait ' +
        'for the disk), and the old way: `zip -r`, then the upload of the archive, to another server. `sent`: all bytes ' +
        'that crossed loopback meanwhile, both ways. Memory: the most that client and server held. One run each; contents are ' +
        'random, so that nothing compresses.',
      columns: ['folder', 'nabla', 'rsync', 'zip and upload', 'nabla sent', 'rsync sent', 'client', 'server'],
      rows,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function measureTree(work: string, rsync: Rsync, zipped: boolean): Promise<string[][]> {
  await using server = await startBenchServer({ engines: ['fake'] })
  const folder = join(work, 'tree')
  await makeTree(folder)
  const what = '50,000 files, 1 GB'
  const rows = [await compare(server, rsync, folder, `${what}: first`, zipped)]
  await changeByte(join(folder, 'part-7', 'file-7.bin'))
  rows.push(await compare(server, rsync, folder, `${what}: one byte changed`))
  rows.push(await compare(server, rsync, folder, `${what}: unchanged`))
  await rm(folder, { recursive: true })
  await rm(`${folder}.zip`, { force: true })
  return rows
}

async function measureFile(work: string, rsync: Rsync, zipped: boolean): Promise<string[][]> {
  await using server = await startBenchServer({ engines: ['fake'] })
  const folder = join(work, 'file')
  await makeFile(folder)
  const what = 'one file, 4 GB'
  const rows = [await compare(server, rsync, folder, `${what}: first`, zipped)]
  await changeByte(join(folder, 'data.bin'))
  rows.push(await compare(server, rsync, folder, `${what}: one byte changed`))
  rows.push(await compare(server, rsync, folder, `${what}: unchanged`))
  await rm(folder, { recursive: true })
  await rm(`${folder}.zip`, { force: true })
  return rows
}

async function compare(server: BenchServer, rsync: Rsync, folder: string, what: string, zipped = false) {
  await runShell('sync')
  const nabla = await measured(() => submit(server, folder))
  // What the server makes of the files for the job is no part of it, and must not disturb what follows.
  for (const { id } of (await server.client.job.list({ limit: 1 })).items) await untilSucceeded(server.client, id)
  await runShell('sync')
  const peer = await measured(() => rsync.send(folder))
  await runShell('sync')
  const old = zipped ? formatSeconds(await measureZip(folder)) : ''
  return [
    what,
    formatSeconds(nabla.ms),
    peer.ms === 0 ? 'not installed' : formatSeconds(peer.ms),
    old,
    megabytes(nabla.sentBytes),
    megabytes(peer.sentBytes),
    megabytes(nabla.peakBytes),
    megabytes(server.peakMemoryBytes()),
  ]
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
  /** Null where rsync is not installed. */
  send(folder: string): ChildProcess | null
}

/** rsync's own daemon, without a cipher between: what it costs to move the bytes and no more. */
async function startRsync(work: string): Promise<Rsync> {
  if (!(await isInstalled('rsync'))) return { send: () => null, [Symbol.asyncDispose]: async () => {} }
  const target = join(work, 'rsync')
  await mkdir(target)
  const port = await freePort()
  const config = join(work, 'rsyncd.conf')
  await writeFile(
    config,
    `use chroot = no\nuid = ${process.getuid?.()}\ngid = ${process.getgid?.()}\n[target]\npath = ${target}\nread only = no\n`,
  )
  const args = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
  // The pipe that Node would give it as its input is a socket, on which it would wait for its one client.
  const daemon = spawn('rsync', args, { stdio: 'ignore' })
  await untilListening(port)
  return {
    send: (folder) =>
      spawn('rsync', ['-a', folder, `rsync://127.0.0.1:${port}/target/`], { stdio: ['ignore', 'ignore', 'pipe'] }),
    async [Symbol.asyncDispose]() {
      daemon.kill()
      await once(daemon, 'exit')
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
