import { AppError } from '../../lib/app-error.ts'

/** What a condition is about. */
export type Subject =
  | { of: 'metric' | 'param' | 'label'; name: string }
  | { of: 'attribute'; name: Attribute }
  | { of: 'dataset'; name: 'name' | 'digest' | 'context' }

export type Attribute = 'run_id' | 'run_name' | 'status' | 'user_id' | 'artifact_uri' | 'start_time' | 'end_time'

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like' | 'ilike' | 'in' | 'not in' | 'null' | 'not null'

export interface Condition {
  subject: Subject
  operator: Operator
  /** A number for metrics and times, texts for `in`, nothing for `null`. */
  value: string | number | readonly string[] | null
}

export interface Order {
  subject: Subject
  descending: boolean
}

/**
 * Reads a filter: conditions joined by `and`, in the language of MLflow's search
 * (https://mlflow.org/docs/latest/search-runs.html). Throws AppError `bad_filter` that says where it is wrong.
 */
export function parseFilter(text: string): Condition[] {
  const tokens = tokenize(text)
  if (tokens.length === 0) return []
  const reader = new Reader(tokens)
  const conditions = [readCondition(reader)]
  while (!reader.done) {
    reader.expectWord('and')
    conditions.push(readCondition(reader))
  }
  return conditions
}

/** Reads one order, such as `metrics.loss asc`. Throws AppError `bad_filter`. */
export function parseOrder(text: string): Order {
  const reader = new Reader(tokenize(text))
  const subject = readSubject(reader)
  const descending = reader.takeWord('desc')
  if (!descending) reader.takeWord('asc')
  if (!reader.done) throw bad(`${quoted(reader.next())} is too much in the order ${quoted(text)}`)
  return { subject, descending }
}

interface Token {
  kind: 'word' | 'text' | 'name' | 'sign'
  text: string
}

const patterns: [Token['kind'], RegExp][] = [
  ['text', /'([^']*)'|"([^"]*)"/y],
  ['name', /`([^`]*)`/y],
  ['sign', /(<=|>=|!=|==|=|<|>|\(|\)|,)/y],
  ['word', /([^\s'"`<>=!(),]+)/y],
]

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1
      continue
    }
    const token = tokenAt(text, at)
    if (!token) throw bad(`there is ${quoted(text.slice(at, at + 20))} at character ${at + 1}, which does not end`)
    tokens.push(token)
    at = token.end
  }
  return tokens
}

function tokenAt(text: string, at: number): (Token & { end: number }) | undefined {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match) return { kind, text: match[1] ?? match[2] ?? '', end: pattern.lastIndex }
  }
  return undefined
}

class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length
  }

  take(): Token {
    const token = this.#tokens[this.#at]
    if (!token) throw bad('it ends too early')
    this.#at += 1
    return token
  }

  next(): string {
    return this.#tokens[this.#at]?.text ?? ''
  }

  /** Takes a word if it comes next, in any case of letters. */
  takeWord(word: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false
    this.#at += 1
    return true
  }

  takeSign(sign: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'sign' || token.text !== sign) return false
    this.#at += 1
    return true
  }

  expectWord(word: string): void {
    if (this.takeWord(word)) return
    const hint = this.next().toLowerCase() === 'or' ? '; `or` is not part of the language' : ''
    throw bad(`${quoted(this.next())} stands where \`${word}\` should${hint}`)
  }
}

function readCondition(reader: Reader): Condition {
  const subject = readSubject(reader)
  const operator = readOperator(reader)
  if (operator === 'null' || operator === 'not null') return { subject, operator, value: null }
  if (operator === 'in' || operator === 'not in') return { subject, operator, value: readList(reader) }
  return { subject, operator, value: readValue(reader, subject, operator) }
}

const kinds: Record<string, Subject['of']> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'label',
  tags: 'label',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  dataset: 'dataset',
  datasets: 'dataset',
}

const attributes: Record<string, Attribute> = {
  run_id: 'run_id',
  id: 'run_id',
  source_run_id: 'run_id',
  run_name: 'run_name',
  'run name': 'run_name',
  name: 'run_name',
  status: 'status',
  state: 'status',
  user_id: 'user_id',
  user: 'user_id',
  artifact_uri: 'artifact_uri',
  start_time: 'start_time',
  created: 'start_time',
  creation_time: 'start_time',
  creation_timestamp: 'start_time',
  last_update_time: 'end_time',
  end_time: 'end_time',
}

function readSubject(reader: Reader): Subject {
  const token = reader.take()
  if (token.kind === 'sign' || token.kind === 'text') throw bad(`${quoted(token.text)} is no name of a field`)
  const [, head, rest] = /^(\w+)\.(.*)$/s.exec(token.text) ?? []
  const of = token.kind === 'word' && head !== undefined ? kinds[head.toLowerCase()] : undefined
  if (of === undefined) return attribute(token.text)
  // What stands in quotes or backticks follows the point at once: metrics."my loss".
  const name = rest === '' ? reader.take().text : rest!
  if (of === 'attribute') return attribute(name)
  if (of !== 'dataset') return { of, name }
  if (name !== 'name' && name !== 'digest' && name !== 'context') {
    throw bad(`a dataset has no ${quoted(name)}, but \`name\`, \`digest\` and \`context\``)
  }
  return { of, name }
}

function attribute(name: string): Subject {
  const known = attributes[name.toLowerCase()]
  if (known) return { of: 'attribute', name: known }
  throw bad(`${quoted(name)} is no field; they begin with \`metrics.\`, \`params.\`, \`tags.\` or \`attributes.\``)
}

const signs = new Set<string>(['=', '!=', '<', '<=', '>', '>='])

function readOperator(reader: Reader): Operator {
  if (reader.takeWord('is')) {
    const negated = reader.takeWord('not')
    reader.expectWord('null')
    return negated ? 'not null' : 'null'
  }
  if (reader.takeWord('not')) {
    reader.expectWord('in')
    return 'not in'
  }
  const { text } = reader.take()
  const word = text.toLowerCase()
  if (word === 'like' || word === 'ilike' || word === 'in') return word
  if (text === '==') return '='
  if (signs.has(text)) return text as Operator
  throw bad(`${quoted(text)} is no comparison; there are = != < <= > >= LIKE ILIKE IN and IS NULL`)
}

function readList(reader: Reader): string[] {
  if (!reader.takeSign('(')) throw bad('after `in` comes a list in round brackets')
  const texts: string[] = []
  do {
    const token = reader.take()
    if (token.kind !== 'text') throw bad(`${quoted(token.text)} in the list needs quotes`)
    texts.push(token.text)
  } while (reader.takeSign(','))
  if (!reader.takeSign(')')) throw bad('the list in round brackets does not end')
  return texts
}

function readValue(reader: Reader, subject: Subject, operator: Operator): string | number {
  const token = reader.take()
  if (isNumeric(subject)) {
    const number = token.text.trim() === '' || token.kind === 'sign' ? Number.NaN : Number(token.text)
    if (Number.isNaN(number)) throw bad(`${quoted(token.text)} is no number, which ${nameOf(subject)} is compared with`)
    if (operator === 'like' || operator === 'ilike') throw bad(`${nameOf(subject)} is a number, and no text`)
    return number
  }
  if (token.kind !== 'text') throw bad(`${quoted(token.text)} needs quotes, since ${nameOf(subject)} is a text`)
  if (operator !== '=' && operator !== '!=' && operator !== 'like' && operator !== 'ilike') {
    throw bad(`${nameOf(subject)} is a text, which is compared with =, !=, LIKE, ILIKE and IN`)
  }
  return token.text
}

/** Whether it is compared with numbers. */
export function isNumeric(subject: Subject): boolean {
  if (subject.of === 'metric') return true
  return subject.of === 'attribute' && (subject.name === 'start_time' || subject.name === 'end_time')
}

const nameOf = ({ of, name }: Subject): string => `the ${of === 'label' ? 'tag' : of} ${quoted(name)}`
const quoted = (text: string): string => (text === '' ? 'its end' : `“${text.slice(0, 60)}”`)
const bad = (reason: string): AppError => new AppError('bad_filter', { reason })
