import { readHyperopt } from '@nabla/api/hyperopt'
import { paramOption, readParam, type SpaceInput } from '@nabla/api/param-text'
import { UnreadableSpace } from '@nabla/api/python-literal'
import { searchSettings, type SearchSettings } from '@nabla/api/search'
import { searchers } from '@nabla/api/searchers'
import { quote } from '../../parts/quote.ts'
import { type JobFields, type Origin, readDuration, writeDuration } from '../job/job-form-body.ts'
import { jobLine } from '../job/job-line.ts'
import { readJobLine } from '../job/job-line-read.ts'
import { splitShellWords } from '../job/shell-words.ts'

/** A search as it is asked for: what it leaves out is as usual. */
export type SearchInput = Record<string, unknown>

/** The line of the CLI that runs a sweep, without `nabla`; undefined where it takes a file. */
export function sweepLine(
  fields: JobFields & { note?: string },
  given: SearchInput,
  origin: Origin,
): string | undefined {
  const parsed = searchSettings.safeParse(given)
  if (!parsed.success || parsed.data.first.length > 0) return undefined
  const params = Object.entries(parsed.data.space).map(([name, one]) => paramOption(name, one))
  if (params.some((text) => text === undefined)) return undefined
  if (parsed.data.searcher === 'population' && parsed.data.population !== usual.population) return undefined
  const { note, ...job } = fields
  const written = note ? [`--note ${quote(note)}`] : []
  const begin = jobLine({ ...job, command: job.command ?? 'x' }, origin).replace(/^run/, 'sweep run')
  const flags = [...params.map((text) => `--param ${quote(text ?? '')}`), ...searchFlags(parsed.data), ...written]
  const line = begin.replace(/ -- /, () => ` ${flags.join(' ')} -- `)
  return job.command === undefined ? line.replace(/ -- x$/, '') : line
}

/** What a search is when nothing else is said. */
const usual = searchSettings.parse({
  space: { x: { type: 'int', low: 0, high: 1 } },
  objectives: [{ metric: 'x' }],
})

function searchFlags(search: SearchSettings): string[] {
  const flag = (name: string, value: string | number, ordinary: unknown) =>
    value === ordinary ? [] : [`--${name} ${quote(String(value))}`]
  const { stopRule, timeLimitSeconds, costLimit } = search
  return [
    ...search.objectives.map(({ metric, direction }) => `--${direction} ${quote(metric)}`),
    ...flag('searcher', search.searcher, usual.searcher),
    ...flag('trials', search.trials, usual.trials),
    ...flag('parallel', search.parallel, usual.parallel),
    ...flag('seed', search.seed, usual.seed),
    ...(stopRule === null ? [] : stopFlags(stopRule)),
    ...(timeLimitSeconds === null ? [] : [`--search-time ${writeDuration(timeLimitSeconds)}`]),
    ...(costLimit === null ? [] : [`--search-cost ${costLimit}`]),
    ...flag('most-failures', search.mostFailures, usual.mostFailures),
    ...search.warmStart.map((sweep) => `--warm-start ${quote(sweep)}`),
  ]
}

function stopFlags(rule: NonNullable<SearchSettings['stopRule']>): string[] {
  const begin = [`--stop-rule ${rule.type}`]
  if (rule.type === 'median') return rule.warmup === 0 ? begin : [...begin, `--stop-first ${rule.warmup}`]
  return [
    ...begin,
    ...(rule.first === 1 ? [] : [`--stop-first ${rule.first}`]),
    ...(rule.type === 'hyperband' ? [`--stop-last ${rule.last}`] : []),
    ...(rule.factor === 3 ? [] : [`--stop-factor ${rule.factor}`]),
  ]
}

/** Whether a text looks like a line that runs a sweep. */
export const looksLikeSweep = (text: string): boolean => /^\s*(\$\s+)?(nabla\s+)?sweep\s+run(\s|$)/.test(text)

/** Whether a text looks like a search space of hyperopt: a call of `hp`. */
export const looksLikeHyperopt = (text: string): boolean =>
  /\bhp\.\w+\s*\(/.test(text) && !/^(kind|search):|"kind":\s*"sweep"/m.test(text)

/** Reads such a space. Throws an error whose message says what is wrong, and what is right. */
export function readHyperoptText(text: string): SpaceInput {
  try {
    return readHyperopt(text)
  } catch (error) {
    throw error instanceof UnreadableSpace ? new Error(`${error.message} ${error.hint}`, { cause: error }) : error
  }
}

const searchWords = [
  'param',
  'minimize',
  'maximize',
  'searcher',
  'trials',
  'parallel',
  'seed',
  'stop-rule',
  'stop-first',
  'stop-last',
  'stop-factor',
  'search-time',
  'search-cost',
  'most-failures',
  'warm-start',
  'note',
]

/** Reads such a line as the document of a sweep. Throws an error whose message says what is wrong. */
export function readSweepLine(text: string): Record<string, unknown> {
  const split = splitShellWords(text.trim().replace(/^(\$\s+)?(nabla\s+)?sweep\s+run(?=\s|$)/, 'run'))
  if ('problem' in split) throw new Error(split.problem)
  const said: [string, string][] = []
  const rest: string[] = []
  const words = [...split.words]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      rest.push(word, ...words)
      break
    }
    const [, name = '', value] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    if (searchWords.includes(name)) said.push([name, value ?? words.shift() ?? ''])
    else if (name === 'hyperopt')
      throw new Error('The file of --hyperopt is on your machine: paste what is in it, by itself.')
    else rest.push(word)
  }
  const { fields, origin } = readJobLine(rest.map(quote).join(' '))
  const note = said.findLast(([name]) => name === 'note')?.[1]
  return {
    ...fields,
    kind: 'sweep',
    ...(note !== undefined && { note }),
    search: searchOf(said),
    ...(origin?.from === 'git' && { workspace: origin }),
  }
}

function searchOf(said: readonly [string, string][]): SearchInput {
  const all = (name: string) => said.flatMap(([own, value]) => (own === name ? [value] : []))
  const last = (name: string) => all(name).at(-1)
  const whole = (name: string, field: string): SearchInput => {
    const value = last(name)
    return value === undefined ? {} : { [field]: Number(value) }
  }
  const searcher = last('searcher')
  if (searcher !== undefined && !Object.hasOwn(searchers, searcher))
    throw new Error(`There is no searcher ${searcher}.`)
  const time = last('search-time')
  const seconds = time === undefined ? undefined : readDuration(time)
  if (time !== undefined && seconds === undefined) throw new Error('--search-time takes a time such as 90s, 10m or 2h.')
  const objectives = said.flatMap(([name, metric]) =>
    name === 'minimize' || name === 'maximize' ? [{ metric, direction: name }] : [],
  )
  const type = last('stop-rule')
  const first = type === 'median' ? whole('stop-first', 'warmup') : whole('stop-first', 'first')
  return {
    space: Object.fromEntries(all('param').map(paramPair)),
    objectives,
    ...(searcher !== undefined && { searcher }),
    ...whole('trials', 'trials'),
    ...whole('parallel', 'parallel'),
    ...whole('seed', 'seed'),
    ...whole('search-cost', 'costLimit'),
    ...whole('most-failures', 'mostFailures'),
    ...(seconds !== undefined && { timeLimitSeconds: seconds }),
    ...(type !== undefined && {
      stopRule: { type, ...first, ...whole('stop-last', 'last'), ...whole('stop-factor', 'factor') },
    }),
    ...(all('warm-start').length > 0 && { warmStart: all('warm-start') }),
  }
}

function paramPair(text: string): [string, unknown] {
  const read = readParam(text)
  if ('fault' in read) throw new Error(`${read.fault} ${read.fix}`)
  return [read.name, read.parameter]
}
