import type { ParameterValue } from './search-space.ts'

/** A text that is no search space; `hint` says what is one. */
export class UnreadableSpace extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** An expression of Python as far as search spaces need it: it is read, and never run. */
export type Expression =
  | { type: 'value'; value: ParameterValue }
  | { type: 'list'; items: Expression[] }
  | { type: 'dict'; entries: { key: string; value: Expression }[] }
  | { type: 'call'; name: string; args: Expression[] }

/** Deeper ones are nobody's search space. */
const deepest = 50

interface Reader {
  tokens: string[]
  at: number
}

const token =
  /\s+|#[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[A-Za-z_][\w.]*|\*\*|[-+*/=(){}[\],:]/y

/**
 * Reads lists, tuples, dicts, texts, numbers (also as `-1`, `2 * 3`, `np.log(10)`), names and calls. What stands before
 * a first `=` is left out. Throws `UnreadableSpace` for anything else.
 */
export function parseExpression(text: string): Expression {
  const tokens = tokensOf(text)
  const reader = { tokens, at: tokens[1] === '=' ? 2 : 0 }
  const expression = sum(reader, 0)
  if (reader.at < tokens.length) throw unreadable(reader)
  return expression
}

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  while (token.lastIndex < text.length) {
    const from = token.lastIndex
    const [found] = token.exec(text) ?? []
    if (found === undefined) throw new UnreadableSpace(`It cannot be read from: ${text.slice(from, from + 40)}`, hint)
    if (!/^[\s#]/.test(found)) tokens.push(found)
  }
  return tokens
}

const hint = 'It takes one expression of Python: dicts, lists, numbers, texts and calls of hp.'

function unreadable({ tokens, at }: Reader): Error {
  return new UnreadableSpace(`It cannot be read from: ${tokens.slice(at, at + 10).join(' ') || 'its end'}`, hint)
}

function take(reader: Reader, wanted: string): boolean {
  if (reader.tokens[reader.at] !== wanted) return false
  reader.at += 1
  return true
}

function expect(reader: Reader, wanted: string): void {
  if (!take(reader, wanted)) throw unreadable(reader)
}

function sum(reader: Reader, depth: number): Expression {
  if (depth > deepest) throw unreadable(reader)
  let left = product(reader, depth)
  for (;;) {
    if (take(reader, '+')) left = arithmetic(reader, left, product(reader, depth), (a, b) => a + b)
    else if (take(reader, '-')) left = arithmetic(reader, left, product(reader, depth), (a, b) => a - b)
    else return left
  }
}

function product(reader: Reader, depth: number): Expression {
  let left = single(reader, depth)
  for (;;) {
    if (take(reader, '**')) left = arithmetic(reader, left, single(reader, depth), (a, b) => a ** b)
    else if (take(reader, '*')) left = arithmetic(reader, left, single(reader, depth), (a, b) => a * b)
    else if (take(reader, '/')) left = arithmetic(reader, left, single(reader, depth), (a, b) => a / b)
    else return left
  }
}

function arithmetic(
  reader: Reader,
  left: Expression,
  right: Expression,
  apply: (a: number, b: number) => number,
): Expression {
  if (left.type !== 'value' || right.type !== 'value') throw unreadable(reader)
  if (typeof left.value !== 'number' || typeof right.value !== 'number') throw unreadable(reader)
  return { type: 'value', value: apply(left.value, right.value) }
}

function single(reader: Reader, depth: number): Expression {
  if (take(reader, '-')) return arithmetic(reader, { type: 'value', value: 0 }, single(reader, depth), (a, b) => a - b)
  if (take(reader, '+')) return single(reader, depth)
  if (take(reader, '[')) return { type: 'list', items: items(reader, ']', depth) }
  if (take(reader, '{')) return { type: 'dict', entries: entries(reader, depth) }
  if (take(reader, '(')) return bracketed(reader, depth)
  const word = reader.tokens[reader.at]
  if (word === undefined) throw unreadable(reader)
  if (/^['"]/.test(word)) return constant(reader, word.slice(1, -1).replaceAll(/\\(.)/g, '$1'))
  if (/^[\d.]/.test(word)) return constant(reader, Number(word))
  if (Object.hasOwn(constants, word)) return constant(reader, constants[word] ?? null)
  if (!/^[A-Za-z_]/.test(word)) throw unreadable(reader)
  reader.at += 1
  expect(reader, '(')
  return called(word, items(reader, ')', depth))
}

const constants: Record<string, ParameterValue> = { True: true, False: false, None: null }

function constant(reader: Reader, value: ParameterValue): Expression {
  reader.at += 1
  return { type: 'value', value }
}

/** A tuple, or only a bracket around something. */
function bracketed(reader: Reader, depth: number): Expression {
  const from = reader.at
  const inside = items(reader, ')', depth)
  const comma = reader.tokens[reader.at - 2] === ','
  const [only] = inside
  if (inside.length === 1 && only && !comma && reader.at > from) return only
  return { type: 'list', items: inside }
}

function items(reader: Reader, end: string, depth: number): Expression[] {
  const found: Expression[] = []
  while (!take(reader, end)) {
    // `label='x'`: what it is called is not needed, the order of hyperopt's arguments is always the same.
    if (reader.tokens[reader.at + 1] === '=') reader.at += 2
    found.push(sum(reader, depth + 1))
    if (!take(reader, ',') && reader.tokens[reader.at] !== end) throw unreadable(reader)
  }
  return found
}

function entries(reader: Reader, depth: number): { key: string; value: Expression }[] {
  const found: { key: string; value: Expression }[] = []
  while (!take(reader, '}')) {
    const key = sum(reader, depth + 1)
    expect(reader, ':')
    found.push({ key: key.type === 'value' ? String(key.value) : '', value: sum(reader, depth + 1) })
    if (!take(reader, ',') && reader.tokens[reader.at] !== '}') throw unreadable(reader)
  }
  return found
}

const functions: Record<string, (value: number) => number> = {
  log: Math.log,
  log10: Math.log10,
  log2: Math.log2,
  exp: Math.exp,
  sqrt: Math.sqrt,
  int: Math.trunc,
  float: (value) => value,
}

/** `np.log(2)` and the like are what they come to; other calls stay calls, named without the module in front of `hp`. */
function called(name: string, args: Expression[]): Expression {
  const last = name.split('.').at(-1) ?? name
  const [only] = args
  const isNumber = args.length === 1 && only?.type === 'value' && typeof only.value === 'number'
  const apply = name.startsWith('hp.') || name.includes('.hp.') ? undefined : functions[last]
  if (isNumber && apply) return { type: 'value', value: apply(only.value as number) }
  const at = name.indexOf('hp.')
  return { type: 'call', name: at > 0 && name[at - 1] === '.' ? name.slice(at) : name, args }
}
