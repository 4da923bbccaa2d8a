import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { searchSettings } from '@nabla/api/search'
import { createSearch } from '@nabla/server/search/search'
import { makeTempFolder, startBenchServer } from './bench-server.ts'
import { median, type Section } from './report.ts'

const seeds = 20
const trials = 200
const asked = 1000
const peer = ['optuna==5.0.0', 'cmaes==0.13.1']

interface Peer {
  version: string
  medians: Record<string, Record<string, number>>
  perSecond: number
}

interface Problem {
  axes: number
  low: number
  high: number
  cost(x: readonly number[]): number
}

const sumOf = (x: readonly number[], term: (value: number) => number) => x.reduce((sum, value) => sum + term(value), 0)

/** Functions that searchers are compared by; each is 0 at its best. The same stand in search-peer.py. */
const problems: Record<string, Problem> = {
  sphere: { axes: 5, low: -5, high: 5, cost: (x) => sumOf(x, (v) => (v - 1) ** 2) },
  rosenbrock: {
    axes: 4,
    low: -2,
    high: 2,
    cost: (x) =>
      x.slice(1).reduce((sum, b, at) => sum + 100 * (b - (x[at] ?? 0) ** 2) ** 2 + (1 - (x[at] ?? 0)) ** 2, 0),
  },
  ackley: {
    axes: 5,
    low: -15,
    high: 30,
    cost(x) {
      const mean = Math.sqrt(sumOf(x, (v) => v * v) / x.length)
      const waves = sumOf(x, (v) => Math.cos(2 * Math.PI * v)) / x.length
      return -20 * Math.exp(-0.2 * mean) - Math.exp(waves) + 20 + Math.E
    },
  },
  rastrigin: {
    axes: 4,
    low: -5.12,
    high: 5.12,
    cost: (x) => 10 * x.length + sumOf(x, (v) => v * v - 10 * Math.cos(2 * Math.PI * v)),
  },
  branin: {
    axes: 2,
    low: 0,
    high: 1,
    cost([u = 0, v = 0]) {
      const [x, y] = [-5 + 15 * u, 15 * v]
      const bowl = (y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6) ** 2
      return bowl + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10 - 0.397887
    },
  },
}

/** How good the trials of a search are and how fast they come, beside Optuna in the same run. */
export async function search(): Promise<Section> {
  const optuna = await runPeer()
  const rows = Object.entries(problems).flatMap(([name, problem]) =>
    (['tpe', 'cma-es', 'random'] as const).map((searcher) => {
      const found = Array.from({ length: seeds }, (_, seed) => regret(problem, searcher, seed))
      const ours = median(found)
      const theirs = optuna.medians[name]?.[searcher] ?? Number.NaN
      return [`${name}, ${searcher}`, ours.toPrecision(3), theirs.toPrecision(3)]
    }),
  )
  const perSecond = await askAndTell()
  return {
    title: 'Search',
    about:
      `The least value that ${trials} trials found, median of ${seeds} seeds (0 is the best there is), beside Optuna ` +
      `${optuna.version} with the sampler of the same name; and trials asked for and told one after another, each on ` +
      `the disk before the answer: here over HTTP, there in a program on SQLite, ${asked} trials. Less is better but in ` +
      'the last row.',
    columns: ['what', 'Nabla', 'Optuna'],
    rows: [...rows, ['ask and tell, trials/s', perSecond.toFixed(0), optuna.perSecond.toFixed(0)]],
  }
}

const spaceOf = ({ axes, low, high }: Problem) =>
  Object.fromEntries(Array.from({ length: axes }, (_, axis) => [`x${axis}`, { type: 'uniform' as const, low, high }]))

function regret(problem: Problem, searcher: string, seed: number): number {
  const objectives = [{ metric: 'cost' }]
  const run = createSearch(searchSettings.parse({ space: spaceOf(problem), objectives, searcher, seed }))
  let best = Infinity
  for (let number = 0; number < trials; number++) {
    const proposal = run.ask(number)
    if (typeof proposal === 'string') break
    run.happened({ type: 'asked', number, proposal })
    const cost = problem.cost(Object.keys(spaceOf(problem)).map((name) => Number(proposal.values[name])))
    best = Math.min(best, cost)
    const outcome = { number, ...proposal, state: 'complete' as const, objectives: [cost], step: 0 }
    run.happened({ type: 'told', outcome })
  }
  return best
}

async function askAndTell(): Promise<number> {
  await using server = await startBenchServer()
  const { client } = server
  const problem = problems['sphere'] as Problem
  const { id: sweep } = await client.experiment.create({
    body: {
      kind: 'sweep',
      project: 'bench',
      start: true,
      search: { space: spaceOf(problem), objectives: [{ metric: 'cost' }], trials: asked },
    },
  })
  await client.experiment.wait({ experiment: sweep, state: 'running', seconds: 30 })
  const began = performance.now()
  for (let number = 0; number < asked; number++) {
    const { trial } = await client.sweep.ask({ sweep })
    const cost = problem.cost(Object.values(trial?.values ?? {}).map(Number))
    await client.sweep.tell({ sweep, number, body: { objectives: { cost } } })
  }
  return asked / ((performance.now() - began) / 1000)
}

/** In an environment of its own, from the package index. */
async function runPeer(): Promise<Peer> {
  const folder = await makeTempFolder()
  try {
    const python = join(folder, 'venv', 'bin', 'python')
    execFileSync('python3', ['-m', 'venv', join(folder, 'venv')])
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...peer])
    const program = join(import.meta.dirname, 'search-peer.py')
    const args = [program, seeds, trials, join(folder, 'optuna.db'), asked].map(String)
    return JSON.parse(execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as Peer
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
