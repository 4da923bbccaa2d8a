import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { makeTempFolder } from './bench-server.ts'
import { formatMs, type Section } from './report.ts'

const runSeconds = 5
const warmSeconds = 8
const connections = 32
const rayVersion = '2.60.0'
const key = `nabla_${'a'.repeat(32)}`

/** Something that requests go through, or what answers them. */
interface Running {
  port: number
  /** Of the processes that do the work. */
  pids: number[]
  child: ChildProcess
  path: string
}

interface Measured {
  rate: number
  /** Requests per second of processor time of what is in between. */
  perCore: number
  p50Ms: number
  p99Ms: number
}

/** The gateway beside nginx and HAProxy, each alone in front of the same nginx; and Ray Serve, which answers by itself. */
export async function gateway(): Promise<Section> {
  for (const program of ['wrk', 'nginx', 'haproxy']) execFileSync('which', [program])
  const folder = await makeTempFolder()
  const started: Running[] = []
  const keep = async (running: Promise<Running>) => {
    started.push(await running)
    return started.at(-1)!
  }
  try {
    const upstream = await keep(startNginx(folder, 'upstream', "return 200 'hello, world';"))
    const target = `127.0.0.1:${upstream.port}`
    const proxying = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
    const nginx = await keep(startNginx(folder, 'proxy', proxying, `upstream up { server ${target}; keepalive 64; }`))
    const haproxy = await keep(startHaproxy(folder, target))
    const own = await keep(startGateway(upstream.port))
    const rows: [string, Running][] = [
      ['nothing in between', upstream],
      ['nginx', nginx],
      ['HAProxy', haproxy],
      ['Nabla', own],
    ]
    const ray = await startRay().catch((error: unknown) => console.error(`  Ray Serve: ${String(error)}`))
    if (ray) rows.push(['Ray Serve, which answers by itself', await keep(Promise.resolve(ray))])
    const found = new Map<string, { full: Measured; one: Measured }>()
    for (const [name, running] of rows) {
      // Until what is compiled while it runs has been.
      await measure(running, connections, warmSeconds)
      found.set(name, { full: await measure(running, connections, runSeconds), one: await measure(running, 1, 3) })
    }
    const direct = found.get('nothing in between')!
    const best = found.get('nginx')!.full.perCore
    return {
      title: 'Gateway',
      about:
        `Answers of 12 bytes by an nginx, asked by wrk with ${connections} connections that are kept, for ${runSeconds} s; ` +
        'each of the others has one process or thread. Latency with one connection, less that without anything in ' +
        'between. Ray Serve has a proxy and one replica, which answers; all its processes count. Aim: half of the rate of nginx for each core; p50 0.5 ms, p99 2 ms.',
      columns: ['in between', 'requests/s', 'requests per core and second', 'of nginx', 'added p50', 'added p99'],
      rows: rows.map(([name]) => {
        const { full, one } = found.get(name)!
        const added =
          name === 'nothing in between' ? ['', ''] : [one.p50Ms - direct.one.p50Ms, one.p99Ms - direct.one.p99Ms]
        return [
          name,
          Math.round(full.rate).toLocaleString('en'),
          Math.round(full.perCore).toLocaleString('en'),
          name === 'nothing in between' ? '' : (full.perCore / best).toFixed(2),
          ...added.map((ms) => (typeof ms === 'number' ? formatMs(Math.max(0, ms)) : ms)),
        ]
      }),
    }
  } finally {
    for (const { child } of started) child.kill('SIGKILL')
    for (const { pids } of started) for (const pid of pids) kill(pid)
  }
}

async function measure({ port, pids, path }: Running, count: number, seconds: number): Promise<Measured> {
  const before = cpuSeconds(pids)
  const { stdout } = await promisify(execFile)('wrk', [
    '-t1',
    `-c${count}`,
    `-d${seconds}s`,
    '--latency',
    '-H',
    `Authorization: Bearer ${key}`,
    `http://127.0.0.1:${port}${path}`,
  ])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout)
  const used = cpuSeconds(pids) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const quantile = (share: string) => toMs(new RegExp(String.raw`${share}%\s+([\d.]+)(us|ms|s)`).exec(stdout))
  return { rate: requests / seconds, perCore: requests / used, p50Ms: quantile('50'), p99Ms: quantile('99') }
}

function toMs(match: RegExpExecArray | null): number {
  const [, value, unit] = match ?? []
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ''] ?? Number.NaN)
}

/** Processor time so far, in seconds: of all threads, in user and system mode. Linux counts it 100 times a second. */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return ticks.reduce((sum, one) => sum + one, 0) / 100
}

async function startNginx(folder: string, name: string, location: string, more = ''): Promise<Running> {
  const port = await freePort()
  const file = join(folder, `${name}.conf`)
  const config = `daemon off; worker_processes 1; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; ${more}
  server { listen 127.0.0.1:${port}; location / { ${location} } }
}
`
  writeFileSync(file, config)
  const child = spawn('nginx', ['-c', file], { stdio: 'inherit' })
  await untilOpen(port)
  return { port, pids: childrenOf(child.pid!), child, path: '/' }
}

async function startHaproxy(folder: string, target: string): Promise<Running> {
  const port = await freePort()
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server one ${target}
`,
  )
  const child = spawn('haproxy', ['-f', file, '-db'], { stdio: 'inherit' })
  await untilOpen(port)
  return { port, pids: [child.pid!], child, path: '/' }
}

async function startGateway(target: number): Promise<Running> {
  const program = join(import.meta.dirname, 'gateway-server.ts')
  const child = spawn(process.execPath, [program, String(target)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(String(line)), pids: [child.pid!], child, path: '/serve/bench/' }
}

/** In an environment of its own, which is kept; a replica of Python cannot pass requests on as the others do. */
async function startRay(): Promise<Running> {
  const folder = join(import.meta.dirname, `../node_modules/.cache/nabla-bench-ray-${rayVersion}`)
  const python = join(folder, 'bin/python')
  if (!existsSync(join(folder, 'ready'))) {
    execFileSync('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `ray[serve]==${rayVersion}`]
    execFileSync(python, pip, { stdio: 'inherit' })
    writeFileSync(join(folder, 'ready'), '')
  }
  const port = await freePort()
  const program = join(import.meta.dirname, 'gateway_ray.py')
  const child = spawn(python, [program, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] })
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('it did not start here')
    }),
  ])
  return { port, pids: treeOf(child.pid!), child, path: '/' }
}

/** A process and all below it, whichever thread has started them. */
function treeOf(pid: number): number[] {
  const parents = readdirSync('/proc').flatMap((name): [number, number][] => {
    const text = /^\d+$/.test(name) ? statOf(name) : undefined
    return text === undefined ? [] : [[Number(name), Number(text.split(') ').at(-1)!.split(' ')[1])]]
  })
  const below = (id: number): number[] => [
    id,
    ...parents.filter(([, parent]) => parent === id).flatMap(([one]) => below(one)),
  ]
  return below(pid)
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function untilOpen(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
    await pause(25)
  }
  throw new Error(`nothing listens on port ${port}`)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
