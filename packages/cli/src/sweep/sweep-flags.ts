import { readHyperopt } from '@nabla/api/hyperopt'
import type { SpaceInput } from '@nabla/api/param-text'
import { UnreadableSpace } from '@nabla/api/python-literal'
import { searchers } from '@nabla/api/search'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { systemCode, usageError } from '../cli-error.ts'
import { flag, inSection, type ValuesOf } from '../flags.ts'
import { paramOf } from './param.ts'

/** The options that say what is searched, and how. */
export const sweepFlags = inSection('Search', {
  param: flag.texts('name=values', 'a parameter: rate=1e-4..1:log, layers=1..8, dropout=0..0.5:step=0.1, opt=sgd,adam'),
  hyperopt: flag.text('file', 'take the parameters from a file with an expression of hyperopt', { completes: 'file' }),
  minimize: flag.texts('metric', 'the metric that should be small; several for several objectives'),
  maximize: flag.texts('metric', 'the metric that should be large'),
  searcher: flag.oneOf(Object.keys(searchers), 'how the next trial is chosen', { fallback: 'tpe' }),
  trials: flag.whole('count', 'most trials', { fallback: '100' }),
  parallel: flag.whole('count', 'most trials at a time', { fallback: '1' }),
  seed: flag.whole('number', 'the same seed and results give the same trials', { fallback: '0' }),
  stopRule: flag.oneOf(['asha', 'hyperband', 'median'], 'stop trials early that are worse than others'),
  stopFirst: flag.whole('step', 'no trial is stopped before this step', { fallback: '1' }),
  stopLast: flag.whole('step', 'for hyperband: the last step of a trial'),
  stopFactor: flag.whole('count', 'for asha and hyperband: one of so many goes on', { fallback: '3' }),
  searchTime: flag.duration('no trial begins after this time'),
  searchCost: flag.text('amount', 'no trial begins once they have cost so much (see: nabla machine-type list)'),
  mostFailures: flag.whole('count', 'so many failures in a row end the search', { fallback: '5' }),
  warmStart: flag.texts('sweep', 'begin with the trials of an earlier sweep'),
})

export type SweepFlags = ValuesOf<typeof sweepFlags>

/** What the options say of the search; what they leave out is left out. Throws a usage error. */
export async function readSearch(cwd: string, flags: SweepFlags): Promise<Record<string, unknown>> {
  const space: SpaceInput = {}
  if (flags.hyperopt !== undefined) Object.assign(space, spaceOf(await read(cwd, flags.hyperopt)))
  for (const text of flags.param) Object.assign(space, paramOf(text))
  const objectives = [
    ...flags.minimize.map((metric) => ({ metric, direction: 'minimize' })),
    ...flags.maximize.map((metric) => ({ metric, direction: 'maximize' })),
  ]
  const given = {
    space: Object.keys(space).length === 0 ? undefined : space,
    objectives: objectives.length === 0 ? undefined : objectives,
    searcher: flags.searcher,
    trials: flags.trials,
    parallel: flags.parallel,
    seed: flags.seed,
    stopRule: stopRuleOf(flags),
    timeLimitSeconds: flags.searchTime,
    costLimit: costOf(flags.searchCost),
    mostFailures: flags.mostFailures,
    warmStart: flags.warmStart.length === 0 ? undefined : flags.warmStart,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function costOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const cost = Number(text)
  if (text.trim() !== '' && cost > 0 && Number.isFinite(cost)) return cost
  throw usageError(`--search-cost takes an amount above 0, and ${text} is none.`, 'Write it like 20 or 0.5.')
}

async function read(cwd: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8')
  } catch (error) {
    throw usageError(`The file ${file} cannot be read (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
}

function stopRuleOf({ stopRule: type, stopFirst, stopLast, stopFactor }: SweepFlags) {
  if (type === undefined) return undefined
  if (type === 'median') return { type, ...(stopFirst === undefined ? {} : { warmup: stopFirst }) }
  const rungs = {
    ...(stopFirst === undefined ? {} : { first: stopFirst }),
    ...(stopFactor === undefined ? {} : { factor: stopFactor }),
  }
  if (type === 'asha') return { type, ...rungs }
  if (stopLast !== undefined) return { type, last: stopLast, ...rungs }
  throw usageError('Hyperband has to know how long a trial is.', 'Add --stop-last with the last step of a trial.')
}

function spaceOf(text: string): SpaceInput {
  try {
    return readHyperopt(text)
  } catch (error) {
    throw error instanceof UnreadableSpace ? usageError(error.message, error.hint) : error
  }
}
