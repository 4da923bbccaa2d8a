import { readParam, type SpaceInput } from '@nabla/api/param-text'
import { parameter, type Parameter, type ParameterValue } from '@nabla/api/search-space'

/** What a row of the form can be; the word is that of the contract. */
export const rowTypes = {
  uniform: 'Numbers',
  int: 'Whole numbers',
  choice: 'Choice',
  normal: 'Around a mean',
} as const

export type RowType = keyof typeof rowTypes

/** A parameter as it is typed. What another type takes stays while one looks at it. */
export interface SpaceRow {
  key: number
  name: string
  type: RowType
  low: string
  high: string
  log: boolean
  step: string
  /** Of a choice, with commas between. */
  values: string
  mean: string
  deviation: string
  /** It is only chosen when this parameter, a choice, has one of `whenIs`. */
  when: string
  whenIs: string[]
}

let lastKey = 0

export function emptyRow(given: Partial<SpaceRow> = {}): SpaceRow {
  lastKey += 1
  return {
    key: lastKey,
    name: '',
    type: 'uniform',
    low: '',
    high: '',
    log: false,
    step: '',
    values: '',
    mean: '0',
    deviation: '1',
    when: '',
    whenIs: [],
    ...given,
  }
}

/** A row as the contract takes it; numbers that are none stay out, so that it says what is missing. */
export function parameterOfRow(row: SpaceRow, choices: ReadonlyMap<string, readonly ParameterValue[]>): unknown {
  const { type, log } = row
  const more = { ...(log && { log }), ...numberField('step', row.step), ...whenOf(row, choices) }
  if (type === 'choice') return { type, values: valuesOf(row.values), ...whenOf(row, choices) }
  if (type === 'normal')
    return { type, ...numberField('mean', row.mean), ...numberField('deviation', row.deviation), ...more }
  return { type, ...numberField('low', row.low), ...numberField('high', row.high), ...more }
}

const numberField = (name: string, text: string): Record<string, number> => {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? {} : { [name]: number }
}

function whenOf(row: SpaceRow, choices: ReadonlyMap<string, readonly ParameterValue[]>) {
  if (row.when === '') return {}
  const values = choices.get(row.when) ?? []
  return { when: { parameter: row.when, is: values.filter((value) => row.whenIs.includes(String(value))) } }
}

/** Values of a choice as they are typed: `sgd, adam` or `1, 2`; read as `--param` reads them, and `null` is none. */
export function valuesOf(text: string): ParameterValue[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map((word) => {
      if (word === 'null') return null
      const read = readParam(`x=${word}`)
      const one = 'parameter' in read ? read.parameter : undefined
      return one?.type === 'choice' ? (one.values[0] ?? word) : word
    })
}

/** The space that the rows describe; rows without a name are not there yet. */
export function spaceOfRows(rows: readonly SpaceRow[]): Record<string, unknown> {
  const choices = new Map(
    rows.flatMap((row) => (row.type === 'choice' ? [[row.name, valuesOf(row.values)] as const] : [])),
  )
  return Object.fromEntries(
    rows.filter(({ name }) => name !== '').map((row) => [row.name, parameterOfRow(row, choices)]),
  )
}

/** The rows of a space that was pasted or is cloned. */
export function rowsOfSpace(space: SpaceInput): SpaceRow[] {
  return Object.entries(space).flatMap(([name, given]) => {
    const read = parameter.safeParse(given)
    return read.success ? [rowOf(name, read.data)] : []
  })
}

function rowOf(name: string, one: Parameter): SpaceRow {
  const when = { when: one.when?.parameter ?? '', whenIs: one.when?.is.map(String) ?? [] }
  if (one.type === 'choice')
    return emptyRow({ name, type: 'choice', values: one.values.map(String).join(', '), ...when })
  const step = one.step === undefined || (one.type === 'int' && one.step === 1) ? '' : String(one.step)
  const shared = { name, type: one.type, log: one.log, step, ...when }
  if (one.type === 'normal') return emptyRow({ ...shared, mean: String(one.mean), deviation: String(one.deviation) })
  return emptyRow({ ...shared, low: String(one.low), high: String(one.high) })
}

/** Why a row cannot be taken as it is, in words; undefined if it can, or is not filled in yet. */
export function rowProblem(row: SpaceRow, rows: readonly SpaceRow[]): string | undefined {
  if (row.name !== '' && rows.some((other) => other !== row && other.name === row.name))
    return 'There are two of this name.'
  const filled = {
    uniform: [row.low, row.high],
    int: [row.low, row.high],
    choice: [row.values],
    normal: [row.mean, row.deviation],
  }
  if (filled[row.type].some((text) => text.trim() === '')) return undefined
  const numbers = row.type === 'choice' ? [] : [...filled[row.type], ...(row.step === '' ? [] : [row.step])]
  const odd = numbers.find((text) => Number.isNaN(Number(text)))
  if (odd !== undefined) return `${odd} is no number.`
  if (row.when !== '' && row.whenIs.length === 0) return `Choose when ${row.when} asks for it.`
  return undefined
}
