import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from '@nabla/api/client'
import { pythonWith } from '../test/system/support/python.ts'
import { makeTempFolder, startBenchServer } from './bench-server.ts'
import type { Section } from './report.ts'

const count = 1000
/** How many trials there are before the last that are asked for. */
const known = 10_000
const lateCount = 200
const space = Object.fromEntries(
  Array.from({ length: 5 }, (_, axis) => [`x${axis}`, { type: 'uniform' as const, low: -5, high: 5 }]),
)

/** How fast trials are asked for and told, each kept before the answer, beside Optuna in the same run. */
export async function ask(): Promise<Section> {
  const python = await pythonWith('search')
  if (python === null) throw new Error('pip cannot fetch Optuna')
  const peer = await runPeer(python)
  const [early, late] = [await askAndTell(count), await askAndTell(lateCount, known)]
  return {
    title: 'Ask and tell',
    about:
      'Trials of a search by TPE over five numbers, asked for and told one after another, each on the disk before the ' +
      `answer: here over HTTP, there in a program, Optuna ${peer.optuna} on SQLite. Trials per second.`,
    columns: ['trials', 'Nabla', 'Optuna'],
    rows: [
      [`the first ${count}`, early.toFixed(0), peer.early.toFixed(0)],
      [`${lateCount} after ${known}`, late.toFixed(0), peer.late.toFixed(0)],
    ],
  }
}

async function askAndTell(asked: number, earlierTrials = 0): Promise<number> {
  await using server = await startBenchServer()
  const warmStart: string[] = []
  if (earlierTrials > 0) {
    const earlier = await startSweep(server.client, { searcher: 'random', trials: earlierTrials })
    await askTimes(server.client, earlier, earlierTrials)
    warmStart.push(earlier)
  }
  const sweep = await startSweep(server.client, { trials: asked + 1, warmStart })
  // The first one reads what is known.
  await askTimes(server.client, sweep, 1)
  const began = performance.now()
  await askTimes(server.client, sweep, asked)
  return asked / ((performance.now() - began) / 1000)
}

async function startSweep(client: Client, more: object): Promise<string> {
  const search = { space, objectives: [{ metric: 'cost' }], ...more }
  const { id } = await client.experiment.create({ body: { kind: 'sweep', project: 'bench', start: true, search } })
  await client.experiment.wait({ experiment: id, state: 'running', seconds: 30 })
  return id
}

async function askTimes(client: Client, sweep: string, times: number): Promise<void> {
  for (let done = 0; done < times; done++) {
    const { trial } = await client.sweep.ask({ sweep })
    if (trial === null) throw new Error('there are no more trials')
    const cost = Object.values(trial.values).reduce<number>((sum, value) => sum + (Number(value) - 1) ** 2, 0)
    await client.sweep.tell({ sweep, number: trial.number, body: { objectives: { cost } } })
  }
}

async function runPeer(python: string): Promise<{ optuna: string; early: number; late: number }> {
  const folder = await makeTempFolder()
  try {
    const program = join(import.meta.dirname, 'ask-peer.py')
    const words = [join(folder, 'optuna'), ...[count, known, lateCount].map(String)]
    const { stdout } = await promisify(execFile)(python, [program, ...words])
    return JSON.parse(stdout) as { optuna: string; early: number; late: number }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
