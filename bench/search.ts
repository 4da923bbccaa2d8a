import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { searchSettings } from '@nabla/api/search'
import { createSearch } from '@nabla/server/search/search'
import { pythonWith } from '../test/system/support/python.ts'
import { chanceOfRanks } from './rank-sum.ts'
import { median, type Section } from './report.ts'
import { type Panel, plot } from './search-plot.ts'
import { searchTraining, stopEarly, type TaskSpace, Trainer } from './search-training.ts'

const seeds = 20
const trials = 200
const trained = 60
/** Epochs of all trainings together where they are stopped early, and of one that never is. */
const budget = 240
const lastEpoch = 27
const picture = join(import.meta.dirname, '../docs/images/search.svg')

/** The least value after each trial, by seed. */
type Searched = number[][]

interface Peer {
  optuna: string
  ray: string
  functions: Record<string, Record<Searcher, Searched>>
  trainings: Record<string, Record<Searcher, Searched>>
  stopping: Record<string, { configs: Record<string, never>[][]; optuna: Searched; ray: Searched }>
  spaces: Record<string, TaskSpace>
  epochs: Record<string, number>
}

const searchers = { tpe: 'TPE', 'cma-es': 'CMA-ES', random: 'random' } as const
type Searcher = keyof typeof searchers

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

/** How good the trials of a search are, beside Optuna and Ray Tune in the same run. */
export async function search(): Promise<Section> {
  const python = await pythonWith('search')
  if (python === null) throw new Error('pip cannot fetch Optuna and Ray Tune')
  const peer = await runPeer(python)
  const results = [...ofFunctions(peer), ...(await ofTrainings(python, peer)), ...(await ofStopping(python, peer))]
  writeFileSync(picture, plot(panelsOf(results)))
  return {
    title: 'Search',
    about:
      `How far the best value that was found is from the best there is: median of ${seeds} seeds, beside Optuna ` +
      `${peer.optuna} and Ray Tune ${peer.ray}. Functions have ${trials} trials. Trainings have ${trained}: a network of ` +
      'scikit-learn on its digits, and a support vector regression on its diabetes data; the best there is stands for the ' +
      `best that anyone found. ASHA has ${budget} epochs in all for trainings of up to ${lastEpoch}, over the same values ` +
      'for all. Less is better. By chance: how often seeds alone would make Nabla and the best other differ so much ' +
      '(Mann and Whitney). How it went: ![Regret over trials](images/search.svg)',
    columns: ['what', 'Nabla', 'Optuna', 'Ray Tune', 'by chance'],
    rows: results.map(rowOf),
  }
}

/** One problem and one way to search it. */
interface Result {
  problem: string
  searcher: string
  over: 'trials' | 'epochs'
  /** Regrets by who searched. */
  regrets: Record<string, Searched>
}

function ofFunctions({ functions }: Peer): Result[] {
  return Object.entries(problems).flatMap(([name, problem]) =>
    (Object.keys(searchers) as Searcher[]).map((searcher) => {
      const nabla = Array.from({ length: seeds }, (_, seed) => searchFunction(problem, searcher, seed))
      const regrets = { Nabla: nabla, Optuna: functions[name]?.[searcher] ?? [] }
      return { problem: name, searcher: searchers[searcher], over: 'trials' as const, regrets }
    }),
  )
}

async function ofTrainings(python: string, { trainings, spaces, epochs }: Peer): Promise<Result[]> {
  await using trainer = new Trainer(python)
  const results: Result[] = []
  for (const [task, searched] of Object.entries(trainings)) {
    for (const [searcher, optuna] of Object.entries(searched) as [Searcher, Searched][]) {
      const nabla: Searched = []
      for (let seed = 0; seed < seeds; seed++) {
        const given = { task, space: spaces[task] ?? {}, epochs: epochs[task] ?? 1, searcher, seed, trials: trained }
        nabla.push(await searchTraining(trainer, given))
      }
      const found = { Nabla: nabla, Optuna: optuna }
      results.push({ problem: task, searcher: searchers[searcher], over: 'trials', regrets: found })
    }
  }
  return toRegrets(results)
}

async function ofStopping(python: string, { stopping, spaces }: Peer): Promise<Result[]> {
  await using trainer = new Trainer(python)
  const results: Result[] = []
  for (const [task, { configs, optuna, ray }] of Object.entries(stopping)) {
    const nabla: Searched = []
    for (const own of configs) {
      nabla.push(await stopEarly(trainer, { task, space: spaces[task] ?? {}, configs: own, last: lastEpoch, budget }))
    }
    const regrets = { Nabla: nabla, Optuna: optuna, 'Ray Tune': ray }
    results.push({ problem: `${task}, stopped early`, searcher: 'ASHA', over: 'epochs', regrets })
  }
  return toRegrets(results)
}

/** Losses less the least that anyone found on the same problem. */
function toRegrets(results: readonly Result[]): Result[] {
  return results.map((result) => {
    const same = results.filter(({ problem }) => problem === result.problem)
    const all = same.flatMap(({ regrets }) => Object.values(regrets).flat(1))
    const least = Math.min(...all.map((line) => line.at(-1) ?? Infinity))
    const less = ([who, searched]: [string, Searched]) => [who, searched.map((line) => line.map((v) => v - least))]
    return { ...result, regrets: Object.fromEntries(Object.entries(result.regrets).map(less)) }
  })
}

/** The median of the seeds after each trial. */
const medianLine = (searched: Searched): number[] =>
  (searched[0] ?? []).map((_, at) => median(searched.map((line) => line[at] ?? Number.NaN)))

function rowOf({ problem, searcher, regrets }: Result): string[] {
  const of = (who: string) => {
    const searched = regrets[who]
    return searched === undefined ? '' : (medianLine(searched).at(-1) ?? Number.NaN).toPrecision(3)
  }
  const last = (who: string) => (regrets[who] ?? []).map((line) => line.at(-1) ?? Number.NaN)
  const [best = ''] = Object.keys(regrets)
    .filter((who) => who !== 'Nabla')
    .toSorted((a, b) => median(last(a)) - median(last(b)))
  const chance = `${(100 * chanceOfRanks(last('Nabla'), last(best))).toFixed(0)} %`
  return [`${problem}, ${searcher}`, of('Nabla'), of('Optuna'), of('Ray Tune'), chance]
}

function panelsOf(results: readonly Result[]): Panel[] {
  return [...Map.groupBy(results, ({ problem }) => problem)].map(([title, own]) => ({
    title,
    over: own[0]?.over ?? '',
    lines: Object.fromEntries(
      own.flatMap(({ searcher, regrets }) =>
        Object.entries(regrets).map(([who, searched]) => [`${who} ${searcher}`, medianLine(searched)]),
      ),
    ),
  }))
}

const spaceOf = ({ axes, low, high }: Problem) =>
  Object.fromEntries(Array.from({ length: axes }, (_, axis) => [`x${axis}`, { type: 'uniform' as const, low, high }]))

/** The least value after each trial. */
function searchFunction(problem: Problem, searcher: string, seed: number): number[] {
  const objectives = [{ metric: 'cost' }]
  const run = createSearch(searchSettings.parse({ space: spaceOf(problem), objectives, searcher, seed }))
  const least: number[] = []
  for (let number = 0; number < trials; number++) {
    const proposal = run.ask(number)
    if (typeof proposal === 'string') break
    run.happened({ type: 'asked', number, proposal })
    const cost = problem.cost(Object.keys(spaceOf(problem)).map((name) => Number(proposal.values[name])))
    least.push(Math.min(least.at(-1) ?? Infinity, cost))
    const outcome = { number, ...proposal, state: 'complete' as const, objectives: [cost], step: 0 }
    run.happened({ type: 'told', outcome })
  }
  return least
}

async function runPeer(python: string): Promise<Peer> {
  const program = join(import.meta.dirname, 'search-peer.py')
  const counts = [seeds, trials, trained, budget, lastEpoch]
  const options = { env: { ...process.env, OMP_NUM_THREADS: '1' }, maxBuffer: 2 ** 30 }
  const { stdout } = await promisify(execFile)(python, [program, ...counts.map(String)], options)
  return JSON.parse(stdout) as Peer
}
