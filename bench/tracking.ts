import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { postgresBinaries, startPostgres } from '../packages/server/src/testing/postgres.ts'
import { pythonWith } from '../test/system/support/python.ts'
import { makeTempFolder, startBenchServer } from './bench-server.ts'
import { formatMs, median, percentile, type Section, timed } from './report.ts'

/** Programs that log at once. */
const clients = 20
const measuredMs = 4000
const runsInSearch = 10_000
const searches = 30

/** A tracking server under test. */
interface Peer {
  url: string
  headers: Record<string, string>
  /** The program of MLflow's own client. */
  python: string | null
  /** Of MLflow: the address of its database, which is filled directly, since it would take long otherwise. */
  database?: string
}

type Figures = Map<string, string>

/** Says each figure as it is found: all of them take minutes. */
class Told extends Map<string, string> {
  override set(what: string, figure: string): this {
    console.error(`  ${what}: ${figure}`)
    return super.set(what, figure)
  }
}

/** MLflow's tracking API, as Nabla answers it and as `mlflow server` does, one after the other on this machine. */
export async function tracking(): Promise<Section> {
  const python = await pythonWith('mlflow-server')
  const nabla = await ofNabla(python)
  const others: [string, Figures][] = []
  if (python !== null) {
    others.push(['mlflow server, SQLite', await ofMlflow(python, (folder) => `sqlite:///${join(folder, 'mlflow.db')}`)])
    others.push(['mlflow server, PostgreSQL', await onPostgres((url) => ofMlflow(python, () => url))])
  }
  return {
    title: 'Tracking',
    about:
      `MLflow’s REST API, Nabla on SQLite: ${clients} clients that send what MLflow’s client sends, for ${measuredMs / 1000} s ` +
      `each; the loop of single values is that client itself. Search and history with ${runsInSearch.toLocaleString('en')} ` +
      'runs of 5 parameters and 10 metrics. All answer only what they have stored; Nabla and PostgreSQL sync the disk for it.',
    columns: ['what', 'Nabla', ...others.map(([name]) => name)],
    rows: [...nabla].map(([what, figure]) => [what, figure, ...others.map(([, figures]) => figures.get(what) ?? '–')]),
  }
}

async function ofNabla(python: string | null): Promise<Figures> {
  await using server = await startBenchServer({ engines: ['fake'] })
  return await measure({ url: server.url, headers: { authorization: `Bearer ${server.key}` }, python })
}

async function ofMlflow(python: string, databaseIn: (folder: string) => string): Promise<Figures> {
  await using server = await startMlflow(python, databaseIn)
  return await measure(server)
}

/** A PostgreSQL that waits for the disk, as those of users do. */
async function onPostgres<Result>(use: (url: string) => Promise<Result>): Promise<Result> {
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error('npm brought no PostgreSQL')
  const postgres = await startPostgres(binaries, { durable: true })
  try {
    // The driver is named: which one SQLAlchemy takes by itself depends on its version.
    return await use(postgres.url('postgres').replace('postgres:', 'postgresql+psycopg2:'))
  } finally {
    await postgres.stop()
  }
}

async function startMlflow(python: string, databaseIn: (folder: string) => string): Promise<Peer & AsyncDisposable> {
  const folder = await makeTempFolder()
  const port = await freePort()
  const database = databaseIn(folder)
  const store = ['--backend-store-uri', database, '--artifacts-destination', folder]
  // It kills workers that are busy for 5 s, as they are while they start together on few processors.
  const patient = ['--uvicorn-opts', '--timeout-worker-healthcheck 60']
  const server = spawn(python, ['-m', 'mlflow', 'server', ...store, '--port', String(port), ...patient], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let said = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-3000)))
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const gone = once(server, 'exit')
      process.kill(-server.pid!, 'SIGKILL')
      await gone
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const url = `http://127.0.0.1:${port}`
    if (!(await isUp(url, server))) throw new Error(`mlflow server did not start: ${said}`)
    return { url, headers: {}, python, database, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function measure(peer: Peer): Promise<Figures> {
  const figures = new Told()
  const post = caller(peer)
  const { experiment_id: experiment } = await post('experiments/create', { name: 'bench' })
  const newRun = async () => {
    const { run } = await post('runs/create', { experiment_id: experiment, start_time: Date.now() })
    return (run as { info: { run_id: string } }).info.run_id
  }
  const runs = await Promise.all(Array.from({ length: clients }, newRun))
  if (peer.python !== null) figures.set('300 values one by one, the real client', await singly(peer, runs[0]!))
  for (const size of [10, 1000]) {
    let step = 0
    const rate = await storm(async (index) => {
      step += 1
      const at = Date.now()
      const metrics = Array.from({ length: size }, (_, number) => ({
        key: `metric-${number % 50}`,
        value: number / 7,
        timestamp: at,
        step: step * size + number,
      }))
      await post('runs/log-batch', { run_id: runs[index], metrics })
    })
    figures.set(`log-batch of ${size}`, rate)
  }
  figures.set('create-run', await storm(async () => void (await newRun())))
  await fill(post, peer)
  const { experiment: big } = (await post('experiments/get-by-name?experiment_name=many', undefined)) as {
    experiment: { experiment_id: string }
  }
  const experiment_ids = [big.experiment_id]
  const search = async (filter: string, order_by: string[]) => {
    const samples: number[] = []
    for (let number = 0; number < searches; number++) {
      samples.push(await timed(() => post('runs/search', { experiment_ids, filter, order_by, max_results: 100 })))
    }
    return `${formatMs(median(samples))}, p95 ${formatMs(percentile(samples, 0.95))}`
  }
  figures.set('search-runs, the newest 100', await search('', []))
  figures.set(
    'search-runs, by metric and parameter',
    await search("metrics.m3 < 0.2 and params.p1 = '1'", ['metrics.m3 ASC']),
  )
  const samples: number[] = []
  for (let number = 0; number < searches; number++) {
    samples.push(
      await timed(() => post(`metrics/get-history?run_id=${runs[0]}&metric_key=metric-1&max_results=1000`, undefined)),
    )
  }
  figures.set(
    'metric history, 1,000 values',
    `${formatMs(median(samples))}, p95 ${formatMs(percentile(samples, 0.95))}`,
  )
  return figures
}

/** The same runs, as rows of MLflow. */
const filler = `
import math, sys
from sqlalchemy import create_engine, text
url, experiment, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def insert(table, rows):
  columns = list(rows[0])
  statement = f"insert into {table} ({', '.join(columns)}) values ({', '.join(':' + name for name in columns)})"
  for start in range(0, len(rows), 10000): db.execute(text(statement), rows[start:start + 10000])
with create_engine(url).begin() as db:
  ids = [f"{n:032x}" for n in range(1, count + 1)]
  insert("runs", [dict(run_uuid=id, name=f"run-{n}", source_type="LOCAL", source_name="", entry_point_name="",
    user_id="me", status="RUNNING", start_time=1700000000000 + n, source_version="", lifecycle_stage="active",
    artifact_uri="x", experiment_id=experiment) for n, id in enumerate(ids, 1)])
  metrics = [dict(key=f"m{i}", value=abs(math.sin(n * 31 + i)), timestamp=1700000000000, run_uuid=id, step=0,
    is_nan=False) for n, id in enumerate(ids, 1) for i in range(10)]
  for table in ("metrics", "latest_metrics"): insert(table, metrics)
  insert("params", [dict(key=f"p{i}", value=str((n + i) % 10), run_uuid=id)
    for n, id in enumerate(ids, 1) for i in range(5)])
`

/** Runs to search in, with what they logged. */
async function fill(post: Post, { database, python }: Peer): Promise<void> {
  const { experiment_id } = await post('experiments/create', { name: 'many' })
  if (database !== undefined) {
    await promisify(execFile)(python!, ['-c', filler, database, String(experiment_id), String(runsInSearch)])
    return
  }
  const one = async (number: number) => {
    const { run } = await post('runs/create', { experiment_id, start_time: 1_700_000_000_000 + number })
    const { run_id } = (run as { info: { run_id: string } }).info
    const metrics = Array.from({ length: 10 }, (_, index) => ({
      key: `m${index}`,
      value: Math.abs(Math.sin(number * 31 + index)),
      timestamp: 1_700_000_000_000,
      step: 0,
    }))
    const params = Array.from({ length: 5 }, (_, index) => ({ key: `p${index}`, value: String((number + index) % 10) }))
    await post('runs/log-batch', { run_id, metrics, params })
  }
  let next = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < runsInSearch) {
        next += 1
        await one(next)
      }
    }),
  )
}

/** What all clients together do in a second, and how long one waits. A server may refuse some when it has too much to do. */
async function storm(once: (client: number) => Promise<void>): Promise<string> {
  const samples: number[] = []
  let refused = 0
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (performance.now() < begin + measuredMs) {
        try {
          samples.push(await timed(() => once(client)))
        } catch (error) {
          if (!(error instanceof Refused)) throw error
          refused += 1
        }
      }
    }),
  )
  const perSecond = Math.round(samples.length / ((performance.now() - begin) / 1000))
  const text = `${perSecond.toLocaleString('en')}/s, median ${formatMs(median(samples))}`
  return refused === 0 ? text : `${text}, ${refused} refused`
}

async function singly(peer: Peer, run: string): Promise<string> {
  const program =
    'import mlflow, sys, time\n' +
    'client = mlflow.MlflowClient()\n' +
    'client.log_metric(sys.argv[1], "single", 0.0, step=0)\n' +
    'begin = time.perf_counter()\n' +
    'for step in range(1, 301): client.log_metric(sys.argv[1], "single", 1.0 / step, step=step)\n' +
    'print((time.perf_counter() - begin) * 1000)\n'
  const token = peer.headers['authorization']?.replace('Bearer ', '')
  const env = { ...process.env, MLFLOW_TRACKING_URI: peer.url, ...(token ? { MLFLOW_TRACKING_TOKEN: token } : {}) }
  const { stdout } = await promisify(execFile)(peer.python!, ['-c', program, run], { env })
  return formatMs(Number(stdout.trim().split('\n').at(-1)))
}

/** The server answered, and did not do it. */
class Refused extends Error {}

type Post = (path: string, body: unknown) => Promise<Record<string, unknown>>

function caller(peer: Peer): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  return (path, body) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const headers = { ...peer.headers, ...(payload ? { 'content-type': 'application/json' } : {}) }
      const method = payload === undefined ? 'GET' : 'POST'
      const sent = request(`${peer.url}/api/2.0/mlflow/${path}`, { method, headers, agent }, (response) => {
        const chunks: Buffer[] = []
        response.on('error', reject)
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          if (response.statusCode === 200) resolve(JSON.parse(text) as Record<string, unknown>)
          else reject(new Refused(`${path}: ${response.statusCode} ${text.slice(0, 300)}`))
        })
      })
      sent.on('error', reject)
      sent.end(payload)
    })
}

/** Waits until it answers; false: it ended, or takes minutes. */
async function isUp(url: string, server: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 2000 && server.exitCode === null; tries++) {
    const up = await fetch(`${url}/health`).catch(() => undefined)
    if (up?.ok) return true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return false
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
