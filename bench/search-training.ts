import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { searchSettings } from '@nabla/api/search'
import type { ParameterValue } from '@nabla/api/search-space'
import { createSearch, type Search } from '@nabla/server/search/search'
import type { Proposal } from '@nabla/server/search/searcher'

type Values = Readonly<Record<string, ParameterValue>>

/** The axes of a task, as `search_tasks.py` has them. */
export type TaskSpace = Record<string, string[] | [low: number, high: number, scale: 'log' | 'int' | 'plain']>

/** Trains what `search_tasks.py` can: one process, asked line by line. */
export class Trainer implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  constructor(python: string) {
    const program = join(import.meta.dirname, 'search_tasks.py')
    const env = { ...process.env, OMP_NUM_THREADS: '1' }
    this.#process = spawn(python, [program], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  begin(task: string, values: Values): Promise<number> {
    return this.#ask({ task, values })
  }

  /** The loss after one epoch more. */
  step(training: number): Promise<number> {
    return this.#ask({ step: training })
  }

  async end(training: number): Promise<void> {
    await this.#ask({ end: training })
  }

  async #ask(question: object): Promise<number> {
    this.#process.stdin.write(`${JSON.stringify(question)}\n`)
    const answer = await this.#answers.next()
    if (answer.done === true) throw new Error('search_tasks.py has ended')
    return JSON.parse(answer.value) as number
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.#process.stdin.end()
    await gone
  }
}

const objectives = [{ metric: 'loss' }]

/** The least loss after each of so many trials, each of which trains to its end. */
export async function searchTraining(
  trainer: Trainer,
  asked: { task: string; space: TaskSpace; epochs: number; searcher: string; seed: number; trials: number },
): Promise<number[]> {
  const { searcher, seed, trials } = asked
  const search = createSearch(searchSettings.parse({ space: spaceOf(asked.space), objectives, searcher, seed }))
  const least: number[] = []
  for (let number = 0; number < trials; number++) {
    const proposal = ask(search, number)
    const training = await trainer.begin(asked.task, proposal.values)
    let loss = Infinity
    for (let epoch = 0; epoch < asked.epochs; epoch++) loss = Math.min(loss, await trainer.step(training))
    await trainer.end(training)
    const outcome = { number, ...proposal, state: 'complete' as const, objectives: [loss], step: asked.epochs }
    search.happened({ type: 'told', outcome })
    least.push(Math.min(least.at(-1) ?? Infinity, loss))
  }
  return least
}

/** The least loss after each of so many epochs: ASHA over values that are given. */
export async function stopEarly(
  trainer: Trainer,
  asked: { task: string; space: TaskSpace; configs: readonly Values[]; last: number; budget: number },
): Promise<number[]> {
  const stopRule = { type: 'asha', first: 1, factor: 3 }
  const settings = { space: spaceOf(asked.space), objectives, searcher: 'random', first: asked.configs, stopRule }
  const search = createSearch(searchSettings.parse(settings))
  const least: number[] = []
  for (let number = 0; least.length < asked.budget; number++) {
    const training = await trainer.begin(asked.task, ask(search, number).values)
    for (let step = 1; step <= asked.last && least.length < asked.budget; step++) {
      const value = await trainer.step(training)
      least.push(Math.min(least.at(-1) ?? Infinity, value))
      if (search.happened({ type: 'reported', number, step, value }).stop) break
    }
    await trainer.end(training)
  }
  return least
}

function ask(search: Search, number: number): Proposal {
  const proposal = search.ask(number)
  if (typeof proposal === 'string') throw new Error(`the search is ${proposal}`)
  search.happened({ type: 'asked', number, proposal })
  return proposal
}

function spaceOf(space: TaskSpace) {
  return Object.fromEntries(
    Object.entries(space).map(([name, axis]) => {
      const [low, high, scale] = axis
      if (typeof low !== 'number') return [name, { type: 'choice', values: axis }]
      const type = scale === 'int' ? 'int' : 'uniform'
      return [name, { type, low, high, log: scale !== 'plain' }]
    }),
  )
}
