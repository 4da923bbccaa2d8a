import type { SpaceInput } from './param-text.ts'
import { type Expression, parseExpression, UnreadableSpace } from './python-literal.ts'
import type { ParameterValue } from './search-space.ts'

/** What must be chosen for the part of a space that is being read. */
type When = { parameter: string; is: ParameterValue[] } | undefined

/**
 * The space that an expression of hyperopt describes, as in `{'lr': hp.loguniform('lr', -7, 0)}`. Labels are the names of
 * parameters. What stands below an option of `hp.choice` is only chosen with it; such an option is named by its text
 * under `type`, `name`, `kind` or `model`, else by its place. Throws `UnreadableSpace`. See http://hyperopt.github.io/hyperopt/getting-started/search_spaces/
 */
export function readHyperopt(text: string): SpaceInput {
  const space: SpaceInput = {}
  collect(parseExpression(text), undefined, space)
  if (Object.keys(space).length === 0) {
    throw new UnreadableSpace(
      'There is no expression of hyperopt in it.',
      "Such as {'rate': hp.loguniform('rate', -7, 0)}",
    )
  }
  return space
}

function collect(expression: Expression, when: When, space: SpaceInput): void {
  if (expression.type === 'dict') for (const { value } of expression.entries) collect(value, when, space)
  if (expression.type === 'list') for (const item of expression.items) collect(item, when, space)
  if (expression.type !== 'call') return
  // scope.int(...) and the like: what is inside is what is searched.
  if (!expression.name.startsWith('hp.')) for (const item of expression.args) collect(item, when, space)
  else parameterOf(expression.name.slice(3), expression.args, when, space)
}

function parameterOf(kind: string, [first, ...args]: readonly Expression[], when: When, space: SpaceInput): void {
  if (first?.type !== 'value' || typeof first.value !== 'string') {
    throw new UnreadableSpace(`hp.${kind} has no label.`, 'Its first argument is the name of the parameter.')
  }
  const name = first.value
  if (kind === 'choice' || kind === 'pchoice') return choiceOf(name, kind, args[0], when, space)
  const [a, b, c] = args.map((arg) => numberOf(name, arg))
  const made = rangeOf(kind, a ?? 0, b, c)
  if (!made) throw new UnreadableSpace(`hp.${kind} is not known here.`, `Known are ${known}.`)
  space[name] = { ...made, ...(when && { when }) }
}

const known =
  'choice, pchoice, randint, uniform, quniform, uniformint, loguniform, qloguniform, normal, qnormal, lognormal, qlognormal'

function rangeOf(kind: string, a: number, b: number | undefined, step: number | undefined): SpaceInput[string] | null {
  const high = b ?? 0
  const toStep = (value: number) => Math.round(value / (step ?? 1)) * (step ?? 1)
  switch (kind) {
    case 'randint':
      return b === undefined ? { type: 'int', low: 0, high: a - 1 } : { type: 'int', low: a, high: high - 1 }
    case 'uniform':
      return { type: 'uniform', low: a, high }
    case 'quniform':
      return { type: 'uniform', low: toStep(a), high: toStep(high), step: step ?? 1 }
    case 'uniformint':
      return { type: 'int', low: Math.round(a), high: Math.round(high) }
    case 'loguniform':
      return { type: 'uniform', low: Math.exp(a), high: Math.exp(high), log: true }
    case 'qloguniform':
      return { type: 'int', low: Math.max(1, Math.round(Math.exp(a))), high: Math.round(Math.exp(high)), log: true }
    case 'normal':
      return { type: 'normal', mean: a, deviation: high }
    case 'qnormal':
      return { type: 'normal', mean: a, deviation: high, step: step ?? 1 }
    case 'lognormal':
      return { type: 'normal', mean: a, deviation: high, log: true }
    case 'qlognormal':
      return { type: 'normal', mean: a, deviation: high, log: true, step: step ?? 1 }
    default:
      return null
  }
}

function choiceOf(name: string, kind: string, given: Expression | undefined, when: When, space: SpaceInput): void {
  if (given?.type !== 'list')
    throw new UnreadableSpace(`hp.${kind}('${name}') has no list of options.`, 'Write them in brackets.')
  // Of pairs of a probability and an option; every option is as likely here.
  const options = kind === 'choice' ? given.items : given.items.map((pair) => optionOf(name, pair))
  const values = options.map((option, at) => nameOf(option, at))
  const distinct = new Set(values.map(String)).size === values.length ? values : values.map((_, at) => at)
  space[name] = { type: 'choice', values: distinct, ...(when && { when }) }
  options.forEach((option, at) => collect(option, { parameter: name, is: [distinct[at] ?? at] }, space))
}

function optionOf(name: string, pair: Expression): Expression {
  const option = pair.type === 'list' ? pair.items[1] : undefined
  if (!option) throw new UnreadableSpace(`hp.pchoice('${name}') is no list of pairs.`, 'Each is (probability, option).')
  return option
}

/** What an option is called among the values of a choice. */
function nameOf(option: Expression, at: number): ParameterValue {
  if (option.type === 'value') return option.value
  if (option.type !== 'dict') return at
  const named = option.entries.find(({ key, value }) => namingKeys.has(key) && value.type === 'value')
  return named?.value.type === 'value' ? named.value.value : at
}

const namingKeys = new Set(['type', 'name', 'kind', 'model'])

function numberOf(name: string, expression: Expression): number {
  if (expression.type === 'value' && typeof expression.value === 'number') return expression.value
  throw new UnreadableSpace(`An argument of '${name}' is no number.`, 'Write numbers, or np.log(…) of one.')
}
