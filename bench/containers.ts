import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import {
  missing,
  startTestDaemon,
  type TestDaemon,
  testImage,
} from '../packages/server/src/engines/docker/testing/daemon.ts'
import { type BenchServer, startBenchServer, untilSucceeded } from './bench-server.ts'
import { formatMs, formatSeconds, percentile, type Section, timed } from './report.ts'
import { run, sideBySide } from './shell.ts'

const starts = 20
const total = 100
const turns = 4
const loop = Array.from({ length: total / turns }, (_, index) => index)
const submitters = 8
const command = 'echo hi'

/** A quarter of a processor each, so that four times as many run side by side. */
const machineTypes = [
  { name: 'one', engine: 'docker', cpus: 1, memoryBytes: 256 * 2 ** 20 },
  { name: 'quarter', engine: 'docker', cpus: 0.25, memoryBytes: 256 * 2 ** 20 },
]

/** Jobs in containers beside `podman run` of the same image, by turns, on the same Podman. */
export async function containers(): Promise<Section> {
  if (missing.podman !== null) throw new Error(`containers: ${missing.podman}`)
  const daemon = await startTestDaemon('podman')
  try {
    const settings = { engines: ['docker'], docker: { socket: daemon.socket }, machineTypes, cpuOvercommit: 1 }
    await using server = await startBenchServer(settings)
    const lines = await firstLines(server, daemon)
    const [one, quarter] = [await throughput(server, daemon, 'one', 2), await throughput(server, daemon, 'quarter', 8)]
    return {
      title: 'Containers',
      about:
        `Podman, an image that is here, by turns with \`podman run --rm\` of the same. First ${starts} times ` +
        `\`${command}\`, one after another, until its line is there: over HTTP for a job. Then ${total} times ` +
        `\`true\`, side by side, in ${turns} turns of each, until all have ended. Aims: 200 ms more; 1.2 times as long.`,
      columns: ['what', 'p50', 'p99', 'beside `podman run`'],
      rows: [
        first('submit to first line', lines.ours, lines.bare),
        first('`podman run` to first line', lines.bare),
        ...loopRows(one, 2),
        ...loopRows(quarter, 8),
      ],
    }
  } finally {
    await daemon.close()
  }
}

function first(what: string, samples: number[], beside?: number[]): string[] {
  const p50 = percentile(samples, 0.5)
  const more = beside ? p50 - percentile(beside, 0.5) : undefined
  return [
    what,
    formatMs(p50),
    formatMs(percentile(samples, 0.99)),
    more === undefined ? '' : `${formatMs(Math.abs(more))} ${more < 0 ? 'less' : 'more'}`,
  ]
}

const loopRows = ({ ours, bare }: { ours: number; bare: number }, width: number): string[][] => [
  [`${total} jobs, ${width} at once`, formatSeconds(ours), '', `${(ours / bare).toFixed(2)} times`],
  [`${total} \`podman run\`, ${width} at once`, formatSeconds(bare), '', ''],
]

async function firstLines(server: BenchServer, daemon: TestDaemon): Promise<{ ours: number[]; bare: number[] }> {
  const found = { ours: [] as number[], bare: [] as number[] }
  // The first ones warm up.
  for (let index = -3; index < starts; index++) {
    const ours = await jobToLine(server)
    const bare = await bareToLine(daemon)
    if (index < 0) continue
    found.ours.push(ours)
    found.bare.push(bare)
  }
  return found
}

async function jobToLine({ client }: BenchServer): Promise<number> {
  const began = performance.now()
  const { id: job } = await client.job.create({
    body: { command, project: 'bench', image: testImage, machineType: 'one', requirements: null },
  })
  let lineMs: number | undefined
  for await (const { data } of client.job.followLogs({ job })) {
    if (data.source === 'stdout' && data.text === 'hi') lineMs ??= performance.now() - began
  }
  if (lineMs === undefined) throw new Error('a job of the bench wrote nothing')
  await untilSucceeded(client, job)
  return lineMs
}

async function bareToLine(daemon: TestDaemon): Promise<number> {
  const [program, ...args] = bareRun(daemon, command, 1)
  const began = performance.now()
  const child = spawn(program, args, { env: envOf(daemon), stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const ms = performance.now() - began
  await once(child, 'close')
  return ms
}

/** By turns, so that both find the machine alike. */
async function throughput(server: BenchServer, daemon: TestDaemon, machineType: string, width: number) {
  const [program, ...args] = bareRun(daemon, 'true', width === 2 ? 1 : 0.25)
  const took = { ours: 0, bare: 0 }
  for (let turn = 0; turn < turns; turn++) {
    took.ours += await timed(() => jobsThrough(server, machineType))
    // What jobs leave behind is removed behind their end.
    while ((await daemon.docker.listContainers({ all: true })).length > 0) await setTimeout(50)
    took.bare += await timed(() => sideBySide(loop, width, () => run(program, args, { env: envOf(daemon) })))
  }
  return took
}

async function jobsThrough({ client }: BenchServer, machineType: string): Promise<void> {
  const body = { command: 'true', project: 'bench', image: testImage, machineType, requirements: null }
  const ids: string[] = []
  await sideBySide(loop, submitters, async () => void ids.push((await client.job.create({ body })).id))
  for (const id of ids) await untilSucceeded(client, id)
}

/** As much of a processor as the job beside it, and limits that a machine without the right to raise them can give. */
function bareRun({ client }: TestDaemon, line: string, cpus: number): [string, ...string[]] {
  const [program = 'podman', ...words] = client.words
  const limits = [
    '--ulimit',
    'nofile=4096:4096',
    '--ulimit',
    'nproc=4096:4096',
    '--memory',
    '256m',
    '--cpus',
    String(cpus),
  ]
  return [program, ...words, 'run', '--rm', ...limits, testImage, '/bin/sh', '-c', line]
}

const envOf = ({ client }: TestDaemon) => ({ ...process.env, ...client.env })
