import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type BenchServer, makeTempFolder, startBenchServer, untilSucceeded } from './bench-server.ts'
import { formatMs, percentile, type Section, timed } from './report.ts'
import { run } from './shell.ts'
import { rm } from 'node:fs/promises'

const command = 'echo hi'
const jobs = 120
const starts = 12

/** From submitting a job until a follower has its first line, beside starting the same command without Nabla. */
export async function firstLine(): Promise<Section> {
  await using server = await startBenchServer()
  const submits: number[] = []
  const lines: number[] = []
  // The first ones warm up.
  for (let job = -10; job < jobs; job++) {
    const { submitMs, lineMs } = await oneJob(server)
    if (job < 0) continue
    submits.push(submitMs)
    lines.push(lineMs)
  }
  const bare: number[] = []
  for (let job = 0; job < jobs; job++) bare.push(await timed(bareSpawn))
  const cli = await cliStarts(server)
  return {
    title: 'First line',
    about:
      `One job after another, \`${command}\`, on the process engine: from the submit until a follower has the first ` +
      `line over HTTP. The last two rows are whole processes, until they have exited.`,
    columns: ['what', 'samples', 'p50', 'p99'],
    rows: [
      row('submit answered', submits),
      row('submit to first line (aim: p50 150 ms)', lines),
      row(`bare \`spawn('/bin/sh')\` to first line`, bare),
      row('whole `nabla run --workspace none -- echo hi`', cli.nabla),
      row(`whole \`node -e 'console.log("hi")'\``, cli.node),
    ],
  }
}

const row = (what: string, samples: number[]): string[] => [
  what,
  String(samples.length),
  formatMs(percentile(samples, 0.5)),
  formatMs(percentile(samples, 0.99)),
]

async function oneJob({ client }: BenchServer): Promise<{ submitMs: number; lineMs: number }> {
  const began = performance.now()
  const { id: job } = await client.job.create({ body: { command, project: 'bench' } })
  const submitMs = performance.now() - began
  let lineMs: number | undefined
  for await (const { data } of client.job.followLogs({ job })) {
    if (data.source === 'stdout' && data.text === 'hi') lineMs ??= performance.now() - began
  }
  if (lineMs === undefined) throw new Error('a job of the bench wrote nothing')
  await untilSucceeded(client, job)
  return { submitMs, lineMs }
}

async function bareSpawn(): Promise<void> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
}

async function cliStarts({ url, key }: BenchServer): Promise<{ nabla: number[]; node: number[] }> {
  const home = await makeTempFolder()
  try {
    const nabla = join(import.meta.dirname, '..', 'bin', 'nabla')
    const env = { PATH: process.env['PATH'], HOME: home, NABLA_URL: url, NABLA_API_KEY: key }
    const args = ['run', '--workspace', 'none', '--no-init', '--project', 'bench', '--', 'echo', 'hi']
    const found = { nabla: [] as number[], node: [] as number[] }
    // The first ones fill Node's cache of compiled code.
    for (let start = -2; start < starts; start++) {
      const ms = await timed(() => run(nabla, args, { cwd: home, env }))
      if (start >= 0) found.nabla.push(ms)
    }
    for (let start = 0; start < starts; start++) {
      found.node.push(await timed(() => run(process.execPath, ['-e', 'console.log("hi")'])))
    }
    return found
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}
