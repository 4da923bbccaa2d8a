import { rm } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openSecretBox } from '../packages/server/src/lib/secret-box.ts'
import { jupyterToken } from '../packages/server/src/kinds/notebook/served.ts'
import { aloneGang } from '../packages/server/src/tasks/gang/alone.ts'
import { notebookPort } from '@nabla/api/notebook'
import { type BenchServer, makeTempFolder, startBenchServer } from './bench-server.ts'
import { connectKernel, download, type JupyterAt, type Kernel, openKernel } from './jupyter-client.ts'
import { makeEnvironment, type PeerTools, peerTools, startHub, startLab } from './jupyter-peers.ts'
import { cpuSeconds, marked, memoryOf, withKeepers } from './processes.ts'
import { formatMs, formatRate, formatSeconds, median, percentile, type Section, timed } from './report.ts'
import { sideBySide } from './shell.ts'

const starts = 5
const mostOpen = 50
const peersOpen = 10
const settleMs = 5000
const quietMs = 20_000
const pings = 1000
const smallMessages = 5000
const largeMessages = 200
const fileBytes = 500e6
/** A variable by which the processes of one side are found. */
const mark = 'NABLA_BENCH_MARK'

const cell = 'print(6 * 7)'

/** What one row says of the three. */
interface Row {
  what: string
  nabla: string
  lab: string
  hub: string
}

/** Notebooks of Nabla beside `jupyter lab` that is started by hand, and JupyterHub, on this machine in the same run. */
export async function notebooks(): Promise<Section> {
  const tools = await peerTools()
  const count = Math.min(mostOpen, Math.floor((0.8 * freemem()) / 250e6))
  await using server = await startBenchServer({ cpuOvercommit: 100, machineTypes: machineTypes(count) })
  const rows: Row[] = []
  const tell = (row: Row) => {
    console.error(`  ${Object.values(row).join(' | ')}`)
    rows.push(row)
  }
  try {
    tell(await coldStart(server))
    tell(await warmStarts(server, tools))
    for (const row of await messages(server)) tell(row)
    for (const row of await idle(server, tools, count)) tell(row)
  } finally {
    await endNotebooks(server)
  }
  return {
    title: 'Notebooks',
    about:
      'From the request until a first cell has run: cold, with Jupyter to be installed from the package index first; warm, ' +
      `with all of it there (p50 of ${starts}, in turns; aim: Nabla within 1 s of \`jupyter lab\`). Kernel messages and files: ` +
      'the same Jupyter, asked by its own address and through Nabla (aim: 2 ms). Idle: so many notebooks, each with ' +
      `a kernel and a page that is connected, for ${quietMs / 1000} s. JupyterHub has SimpleLocalProcessSpawner.`,
    columns: ['what', 'Nabla', '`jupyter lab`', 'JupyterHub'],
    rows: rows.map(({ what, nabla, lab, hub }) => [what, nabla, lab, hub]),
  }
}

/** One with all processors, as the peers have them; and one of which many have room. */
const machineTypes = (count: number) => [
  { name: 'whole', engine: 'process', cpus: availableParallelism(), memoryBytes: 4e9 },
  { name: 'small', engine: 'process', cpus: 1, memoryBytes: Math.floor((0.85 * totalmem()) / Math.max(count, 1)) },
]

async function coldStart(server: BenchServer): Promise<Row> {
  const nablaMs = await timed(() => firstCell(server, 'cold'))
  const folder = await makeTempFolder()
  try {
    const labMs = await timed(async () => labCell(await makeEnvironment(join(folder, 'venv'))))
    return {
      what: 'start to first cell, cold',
      nabla: formatSeconds(nablaMs),
      lab: formatSeconds(labMs),
      hub: '',
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function warmStarts(server: BenchServer, tools: PeerTools): Promise<Row> {
  await using hub = await startHub(tools)
  const found = { nabla: [] as number[], lab: [] as number[], hub: [] as number[] }
  // The first ones warm up.
  for (let start = -1; start < starts; start++) {
    const nabla = await timed(() => firstCell(server, `warm-${start}`))
    await endNotebooks(server)
    const lab = await timed(() => labCell(tools.python))
    const hubMs = await timed(async () => runCell(await hub.start(`warm${start}`)))
    if (start < 0) continue
    found.nabla.push(nabla)
    found.lab.push(lab)
    found.hub.push(hubMs)
  }
  const [nabla, lab, other] = [found.nabla, found.lab, found.hub].map((samples) => formatSeconds(median(samples)))
  return { what: 'start to first cell, warm', nabla: nabla!, lab: lab!, hub: other! }
}

/** Ends all of them, and waits until nothing of them is left: a server that stops leaves its tasks alone. */
async function endNotebooks({ client }: BenchServer): Promise<void> {
  const { items } = await client.notebook.list({ limit: mostOpen + 20 })
  for (const { id } of items) await client.notebook.delete({ notebook: id, force: 'true' })
  for (let tries = 0; tries < 300 && marked(`${mark}=nabla`).length > 0; tries++) await pause(100)
}

/** Makes a notebook and runs a cell in it. */
async function firstCell(server: BenchServer, name: string): Promise<void> {
  await runCell(await openNotebook(server, name, 'whole'))
}

/** Makes a notebook, and waits until it runs. */
async function openNotebook({ client, url }: BenchServer, name: string, machineType: string): Promise<JupyterAt> {
  const env = { [mark]: 'nabla' }
  const { id } = await client.notebook.create({ body: { project: 'bench', name, machineType, env } })
  for (;;) {
    const { state, reason } = await client.notebook.wait({ notebook: id, seconds: 60 })
    if (state === 'running') break
    if (state === 'error' || state === 'stopped') throw new Error(`a notebook of the bench is ${state}: ${reason}`)
  }
  const { address, token } = await client.notebook.open({ notebook: id, body: {} })
  const headers = { host: new URL(address).host, authorization: `token ${token}` }
  return { host: '127.0.0.1', port: Number(new URL(url).port), prefix: '', headers }
}

async function labCell(python: string): Promise<void> {
  await using lab = await startLab(python)
  await runCell(lab)
}

async function runCell(at: JupyterAt): Promise<void> {
  const kernel = await openKernel(at)
  const { messages } = await kernel.run(cell)
  kernel.close()
  if (messages === 0) throw new Error('a cell of the bench printed nothing')
}

/** The same Jupyter, by its own address and through Nabla. */
async function messages(server: BenchServer): Promise<Row[]> {
  const through = await openNotebook(server, 'messages', 'whole')
  const { id } = await server.client.notebook.show({ notebook: 'messages' })
  const [host = ''] = Object.values(aloneGang(id, 'bench').hosts)
  const token = jupyterToken(openSecretBox(server.data), id)
  const direct = { host, port: notebookPort, prefix: '', headers: { authorization: `token ${token}` } }
  const first = await openKernel(through)
  const second = await connectKernel(direct, first.id)
  const rows = [await latency(first, second)]
  const small = `for i in range(${smallMessages}):\n    print(i, flush=True)`
  const large = `data = 'x' * 1_000_000\nfor i in range(${largeMessages}):\n    display({'text/plain': data}, raw=True)`
  rows.push(
    await both(
      'small messages of output',
      [first, second],
      small,
      ({ messages, ms }) => `${Math.round((1000 * messages) / ms).toLocaleString('en')} per second`,
    ),
    await both('messages of 1 MB', [first, second], large, ({ bytes, ms }) => formatRate(bytes, ms)),
  )
  await first.run(`open("large.bin", "wb").write(b"x" * ${fileBytes})`)
  const times: number[] = []
  for (const at of [direct, through, direct, through]) {
    times.push(
      await timed(async () => {
        if ((await download(at, '/files/large.bin')) !== fileBytes) throw new Error('a file did not come whole')
      }),
    )
  }
  const [, , directMs = 0, throughMs = 0] = times
  rows.push({
    what: 'a file of 500 MB is fetched',
    nabla: formatRate(fileBytes, throughMs),
    lab: formatRate(fileBytes, directMs),
    hub: '',
  })
  for (const kernel of [first, second]) kernel.close()
  await endNotebooks(server)
  return rows
}

/** In turns, since the machine has better and worse moments. */
async function latency(through: Kernel, direct: Kernel): Promise<Row> {
  const found = { through: [] as number[], direct: [] as number[] }
  for (let ping = -100; ping < pings; ping++) {
    const directMs = await timed(() => direct.ping())
    const throughMs = await timed(() => through.ping())
    if (ping < 0) continue
    found.direct.push(directMs)
    found.through.push(throughMs)
  }
  const said = (samples: number[]) =>
    `${formatMs(percentile(samples, 0.5))}, p99 ${formatMs(percentile(samples, 0.99))}`
  return { what: 'a kernel is asked and answers, p50', nabla: said(found.through), lab: said(found.direct), hub: '' }
}

async function both(
  what: string,
  [through, direct]: [Kernel, Kernel],
  code: string,
  say: (ran: { messages: number; bytes: number; ms: number }) => string,
): Promise<Row> {
  const rate = async (kernel: Kernel) => {
    const samples: { messages: number; bytes: number; ms: number }[] = []
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      const ran = await kernel.run(code)
      samples.push({ ...ran, ms: performance.now() - began })
    }
    return say(samples.toSorted((a, b) => a.ms - b.ms)[1]!)
  }
  return { what, nabla: await rate(through), lab: await rate(direct), hub: '' }
}

/** What notebooks cost that are open, while nobody does anything in them. */
async function idle(server: BenchServer, tools: PeerTools, count: number): Promise<Row[]> {
  const bare = memoryOf([server.pid])
  const names = Array.from({ length: count }, (_, i) => `idle-${i}`)
  const nabla = await idleOf(names, (name) => openNotebook(server, name, 'small'), 'nabla', [server.pid])
  await endNotebooks(server)
  const [lab, hub] = [await idleLabs(tools), await idleHub(tools)]
  const each = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  const share = (cores: number) => `${(100 * cores).toFixed(1)} %`
  const row = (what: string, say: (found: Idle) => string): Row => ({
    what,
    nabla: say(nabla),
    lab: say(lab),
    hub: say(hub),
  })
  return [
    row('idle: notebooks that are open', (found) => String(found.count)),
    row('memory of each, with its kernel', (found) => each(found.memory / found.count)),
    row('processor of each, of a core', (found) => share(found.cores / found.count)),
    {
      what: 'memory of the server, alone and with all of them',
      nabla: `${each(bare)}, ${each(nabla.ownMemory)}`,
      lab: '',
      hub: `${each(hub.bareMemory)}, ${each(hub.ownMemory)}`,
    },
    { what: 'processor of the server', nabla: share(nabla.ownCores), lab: '', hub: share(hub.ownCores) },
  ]
}

interface Idle {
  count: number
  /** Bytes of all notebooks together, and the share of a core that they use. */
  memory: number
  cores: number
  /** The same of what serves them. */
  ownMemory: number
  ownCores: number
}

/** Opens them with a kernel each, and looks on while nothing happens. `own`: processes of what serves them. */
async function idleOf(
  names: readonly string[],
  open: (name: string) => Promise<JupyterAt>,
  value: string,
  own: readonly number[],
): Promise<Idle> {
  const kernels: Kernel[] = []
  try {
    await sideBySide(names, 2, async (name) => {
      const kernel = await openKernel(await open(name))
      kernels.push(kernel)
      await kernel.run(cell)
    })
    await pause(settleMs)
    const pids = withKeepers(marked(`${mark}=${value}`), own)
    const before = [cpuSeconds(pids), cpuSeconds(own)]
    await pause(quietMs)
    const [cores = 0, ownCores = 0] = [cpuSeconds(pids), cpuSeconds(own)].map(
      (seconds, i) => (seconds - before[i]!) / (quietMs / 1000),
    )
    return { count: names.length, memory: memoryOf(pids), cores, ownMemory: memoryOf(own), ownCores }
  } finally {
    for (const kernel of kernels) kernel.close()
  }
}

const peerNames = Array.from({ length: peersOpen }, (_, i) => `idle${i}`)

async function idleLabs({ python }: PeerTools): Promise<Idle> {
  await using labs = new AsyncDisposableStack()
  return await idleOf(peerNames, async () => labs.use(await startLab(python, { [mark]: 'lab' })), 'lab', [])
}

async function idleHub(tools: PeerTools): Promise<Idle & { bareMemory: number }> {
  await using hub = await startHub(tools, { hub: { [mark]: 'hub' }, users: { [mark]: 'users' } })
  const own = marked(`${mark}=hub`)
  const bareMemory = memoryOf(own)
  return { ...(await idleOf(peerNames, (name) => hub.start(name), 'users', own)), bareMemory }
}
