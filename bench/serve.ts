import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeTempFolder } from './bench-server.ts'
import { formatMs, type Section } from './report.ts'
import { pictures, tabular } from './serve-models.ts'

const root = join(import.meta.dirname, '..')
/** Kept between runs: they take minutes to install. */
const caches = join(root, 'node_modules/.cache')
const clients = 32
const runS = 5
const rounds = 2
const batches = [1, 8, 32]

/** A model, and one request for it in each form. */
interface Case {
  name: string
  input: string
  row: number[]
  model: Buffer
}

const cases: Case[] = [
  { name: 'tabular', input: 'features', row: [16], model: tabular() },
  { name: 'pictures', input: 'image', row: [3, 96, 96], model: pictures() },
]

interface Request {
  path: string
  body: string | Buffer
  headers?: Record<string, string>
}

/** A server that is compared: packages of Python it needs, how it is started, what is asked. */
interface Contender {
  name: string
  packages: string[]
  /** Program, arguments, environment. */
  start(one: Case, folder: string, port: number): [string, string[], Record<string, string>]
  request(one: Case): Request
  cases: string[]
}

interface Measured {
  perSecond: number
  /** Processor time of the server and all that it started. */
  cpuMs: number
  p50Ms: number
  p99Ms: number
}

/** The model server beside the runtime alone and servers of others, on the same models. */
export async function serve(): Promise<Section> {
  const folder = await makeTempFolder()
  try {
    const rows: string[][] = []
    for (const one of cases) {
      const file = join(folder, one.name, 'model.onnx')
      mkdirSync(join(folder, one.name))
      writeFileSync(file, one.model)
      const speeds = batches.map((batch) => ({ batch, perSecond: bare(one, file, batch) }))
      const limit = Math.max(...speeds.map(({ perSecond }) => perSecond))
      for (const { batch, perSecond } of speeds) {
        const name = `the runtime alone, ${batch === 1 ? 'one row' : `${batch} rows`} at a time`
        rows.push([one.name, name, '', perSecond.toFixed(0), '', '', '', `${((100 * perSecond) / limit).toFixed(1)} %`])
      }
      for (const contender of contenders.filter((contender) => contender.cases.includes(one.name))) {
        console.error(`  ${one.name}: ${contender.name}`)
        const found = await measure(contender, one, folder).catch((error: unknown) => {
          console.error(`  ${String(error)}`)
          return null
        })
        console.error(`    ${found?.texts.join(', ')}`)
        if (found === null) rows.push([one.name, contender.name, 'did not start here', '', '', '', '', ''])
        else rows.push([one.name, contender.name, ...found.texts, `${((100 * found.perSecond) / limit).toFixed(1)} %`])
      }
    }
    return {
      title: 'Model server',
      about:
        'ONNX models behind HTTP: `tabular` takes 16 numbers (two layers of 64), `pictures` one picture of 96 × 96 pixels ' +
        `(five convolutions). One row a request; ${clients} clients of wrk that each wait for their answer, and one client; ` +
        `best of ${rounds} rounds of ${runS} s. One thread for the runtime everywhere, one process for HTTP, batches up to 32. The ` +
        'limit is the runtime without any server, in a loop, with the batch size that suits it best: rows per second. Processor time: of a request, with 32 clients.',
      columns: ['model', 'server', 'one client, p50', 'requests/s', 'p50', 'p99', 'processor time', 'of the limit'],
      rows,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => ((at * 7919) % 1000) / 1000)

const countOf = (row: readonly number[]): number => row.reduce((product, length) => product * length, 1)

function nested(row: readonly number[], values: readonly number[]): unknown {
  const [length = 0, ...rest] = row
  if (rest.length === 0) return values
  const each = countOf(rest)
  return Array.from({ length }, (_, at) => nested(rest, values.slice(at * each, (at + 1) * each)))
}

const instances = (one: Case) => ({ instances: [nested(one.row, numbers(countOf(one.row)))] })

const asRows =
  (path: string) =>
  (one: Case): Request => ({ path, body: JSON.stringify(instances(one)) })

const tensorOf = (one: Case) => ({ name: one.input, datatype: 'FP32', shape: [1, ...one.row] })

const asTensor = (one: Case): Request => ({
  path: `/v2/models/${one.name}/infer`,
  body: JSON.stringify({ inputs: [{ ...tensorOf(one), data: numbers(countOf(one.row)) }] }),
})

function asBinary(one: Case): Request {
  const bytes = Buffer.from(Float32Array.from(numbers(countOf(one.row))).buffer)
  const input = { ...tensorOf(one), parameters: { binary_data_size: bytes.length } }
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }))
  const headers = { 'inference-header-content-length': String(head.length), 'content-type': 'application/octet-stream' }
  return { path: `/v2/models/${one.name}/infer`, body: Buffer.concat([head, bytes]), headers }
}

function startNabla(one: Case, folder: string, port: number): [string, string[], Record<string, string>] {
  const config = join(folder, 'nabla.json')
  const models = [{ name: one.name, path: join(folder, one.name), format: 'onnx' }]
  writeFileSync(config, JSON.stringify({ port, models, limits: { threads: 1, maxBatch: 32 } }))
  return [process.execPath, [join(root, 'packages/serve/src/main.ts'), '--config', config], {}]
}

const peerFile = join(import.meta.dirname, 'serve_peer.py')

const peer = (name: string, one: Case, folder: string, port: number): Record<string, string> => ({
  PEER: name,
  MODEL: join(folder, one.name, 'model.onnx'),
  PORT: String(port),
  PYTHONPATH: import.meta.dirname,
})

const contenders: Contender[] = [
  {
    name: "Nabla, TensorFlow Serving's REST",
    packages: [],
    start: startNabla,
    request: (one) => asRows(`/v1/models/${one.name}:predict`)(one),
    cases: ['tabular', 'pictures'],
  },
  {
    name: 'Nabla, Open Inference Protocol, JSON',
    packages: [],
    start: startNabla,
    request: asTensor,
    cases: ['tabular'],
  },
  {
    name: 'Nabla, Open Inference Protocol, binary',
    packages: [],
    start: startNabla,
    request: asBinary,
    cases: ['tabular', 'pictures'],
  },
  {
    name: 'LitServe, JSON',
    packages: ['litserve', 'onnxruntime'],
    start: (one, folder, port) => ['python', [peerFile], peer('litserve', one, folder, port)],
    request: asRows('/predict'),
    cases: ['tabular', 'pictures'],
  },
  {
    name: 'BentoML, JSON',
    packages: ['bentoml', 'onnxruntime'],
    start: (one, folder, port) => [
      'bentoml',
      [
        'serve',
        'serve_peer:Predictor',
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--working-dir',
        import.meta.dirname,
      ],
      { ...peer('bentoml', one, folder, port), BENTOML_DO_NOT_TRACK: 'True', BENTOML_HOME: folder },
    ],
    request: asRows('/predict'),
    cases: ['tabular', 'pictures'],
  },
  {
    name: 'MLServer, JSON',
    packages: ['mlserver', 'onnxruntime'],
    start: startMlserver,
    request: asTensor,
    cases: ['tabular', 'pictures'],
  },
  {
    name: 'mlflow models serve, JSON',
    packages: ['mlflow', 'onnx', 'onnxruntime'],
    start(one, folder, port) {
      const saved = join(folder, `${one.name}-mlflow`)
      const env = { ...peer('mlflow', one, folder, port), FOLDER: saved }
      execFileSync(join(environmentOf(this), 'bin/python'), [peerFile], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      const options = ['--env-manager', 'local', '--host', '127.0.0.1', '--port', String(port), '--workers', '1']
      return ['mlflow', ['models', 'serve', '--model-uri', saved, ...options], env]
    },
    request: (one) => {
      const { instances: rows } = instances(one)
      return {
        path: '/invocations',
        body: JSON.stringify({ inputs: { [one.input]: rows } }),
        headers: { 'content-type': 'application/json' },
      }
    },
    cases: ['tabular', 'pictures'],
  },
]

function startMlserver(one: Case, folder: string, port: number): [string, string[], Record<string, string>] {
  const place = join(folder, `${one.name}-mlserver`)
  mkdirSync(place, { recursive: true })
  const ports = { http_port: port, grpc_port: port + 1, metrics_port: port + 2 }
  writeFileSync(
    join(place, 'settings.json'),
    JSON.stringify({ host: '127.0.0.1', ...ports, parallel_workers: 0, debug: false }),
  )
  const settings = { name: one.name, implementation: 'serve_peer.Predictor', max_batch_size: 32, max_batch_time: 0.001 }
  writeFileSync(join(place, 'model-settings.json'), JSON.stringify(settings))
  return ['mlserver', ['start', place], peer('mlserver', one, folder, port)]
}

const environmentOf = ({ packages }: Contender): string => join(caches, `nabla-bench-${packages.join('-')}`)

/** Rows per second of the runtime in a process of its own. */
function bare({ input, row }: Case, file: string, batch: number): number {
  const program = join(import.meta.dirname, 'serve-bare.ts')
  const options = { file, input, row, batch, ms: 2000 }
  const found = Array.from({ length: rounds }, () => execFileSync(process.execPath, [program, JSON.stringify(options)]))
  return Math.max(...found.map((text) => Number(text.toString())))
}

async function measure(
  contender: Contender,
  one: Case,
  folder: string,
): Promise<{ texts: string[]; perSecond: number } | null> {
  const port = await freePort()
  if (!install(contender)) return null
  const [program, args, env] = contender.start(one, folder, port)
  const bin = join(environmentOf(contender), 'bin')
  const path = contender.packages.length > 0 ? join(bin, program) : program
  const all = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, ...env }
  const child = spawn(path, args, { env: all, stdio: 'ignore', detached: true })
  try {
    const request = contender.request(one)
    const url = `http://127.0.0.1:${port}${request.path}`
    await untilAnswered(url, request)
    const script = writeScript(request, folder)
    const run = (connections: number, seconds: number) => load(url, script, connections, seconds, child.pid ?? 0)
    run(clients, 2)
    const alone = run(1, runS)
    const { perSecond, p50Ms, p99Ms, cpuMs } = Array.from({ length: rounds }, () => run(clients, runS)).reduce((a, b) =>
      b.perSecond > a.perSecond ? b : a,
    )
    const texts = [
      formatMs(alone.p50Ms),
      perSecond.toFixed(0),
      formatMs(p50Ms),
      formatMs(p99Ms),
      `${cpuMs.toFixed(2)} ms`,
    ]
    return { perSecond, texts }
  } finally {
    await end(child)
  }
}

function install(contender: Contender): boolean {
  const folder = environmentOf(contender)
  if (contender.packages.length === 0 || existsSync(join(folder, 'ready'))) return true
  try {
    execFileSync('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...contender.packages]
    execFileSync(join(folder, 'bin/python'), pip, { stdio: 'inherit' })
    writeFileSync(join(folder, 'ready'), '')
    return true
  } catch {
    return false
  }
}

async function untilAnswered(url: string, { body, headers = {} }: Request): Promise<void> {
  let last: unknown
  for (let tries = 0; tries < 240; tries++) {
    try {
      const sent = { 'content-type': 'application/json', ...headers }
      const response = await fetch(url, { method: 'POST', body, headers: sent })
      const text = await response.text()
      if (response.ok) return
      last = `${response.status} ${text.slice(0, 300)}`
    } catch (error) {
      last = error
    }
    await pause(500)
  }
  throw new Error(`${url} does not answer: ${String(last)}`)
}

/** A script of wrk that sends the request. */
function writeScript({ body, headers = {} }: Request, folder: string): string {
  const [script, data] = [join(folder, 'request.lua'), join(folder, 'request.body')]
  writeFileSync(data, body)
  const lines = Object.entries({ 'content-type': 'application/json', ...headers }).map(
    ([name, value]) => `wrk.headers["${name}"] = "${value}"`,
  )
  writeFileSync(script, `wrk.method = "POST"\n${lines.join('\n')}\nwrk.body = io.open("${data}", "rb"):read("*a")\n`)
  return script
}

/** A closed loop: each client waits for its answer before it asks again. Throws where answers are errors. */
function load(url: string, script: string, connections: number, seconds: number, pid: number): Measured {
  const options = [
    '-t',
    '1',
    '-c',
    String(connections),
    '-d',
    `${seconds}s`,
    '--timeout',
    '30s',
    '--latency',
    '-s',
    script,
  ]
  const before = cpuMsOf(pid)
  const text = execFileSync('wrk', [...options, url], { encoding: 'utf8' })
  if (/Non-2xx/.test(text)) throw new Error(`${url} answered with errors: ${text}`)
  const latency = (share: string): number => {
    const [, value = '', unit = ''] = new RegExp(`${share}%\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? []
    return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN)
  }
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1])
  const count = Number(/(\d+) requests in/.exec(text)?.[1])
  return { perSecond, p50Ms: latency('50'), p99Ms: latency('99'), cpuMs: (cpuMsOf(pid) - before) / count }
}

/** What a process and all below it have used of the processors: proc_pid_stat(5), in hundredths of a second. */
function cpuMsOf(pid: number): number {
  const all = new Map<number, { parent: number; ms: number }>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
        .map(Number)
      all.set(Number(name), { parent: fields[1] ?? 0, ms: 10 * ((fields[11] ?? 0) + (fields[12] ?? 0)) })
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (id: number): boolean => id === pid || (all.has(id) && below(all.get(id)?.parent ?? 0))
  return [...all].reduce((sum, [id, { ms }]) => sum + (below(id) ? ms : 0), 0)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** With all that it has started. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-child.pid, 'SIGTERM')
  const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), 10_000)
  await exit
  clearTimeout(timer)
}
