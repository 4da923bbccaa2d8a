import type { ParameterValue, SearchSpace } from '@nabla/api/search-space'
import type { z } from 'zod'
import type { parameter } from '@nabla/api/search-space'
import { usageError } from '../cli-error.ts'

export type SpaceInput = Record<string, z.input<typeof parameter>>

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`
const range = new RegExp(`^(${number})\\.\\.(${number})((?::(?:log|step=${number}))*)$`)

/**
 * A parameter as it is written on the command line: `layers=1..8`, `rate=1e-4..1:log`, `dropout=0..0.5:step=0.1`, or
 * `optimizer=sgd,adam`. A range of whole numbers without a point is one of whole numbers.
 */
export function readParam(text: string): SpaceInput {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) {
    throw usageError(
      `--param ${text} names no parameter with values.`,
      'Write --param rate=1e-4..1:log or --param opt=sgd,adam',
    )
  }
  const name = text.slice(0, at)
  const values = text.slice(at + 1)
  const found = range.exec(values)
  if (!found) {
    if (values.includes('..')) {
      throw usageError(`--param ${text} is no range that can be read.`, 'A range is low..high, then :log or :step=0.1')
    }
    return { [name]: { type: 'choice', values: values.split(',').map(valueOf) } }
  }
  const [, low = '', high = '', more = ''] = found
  const step = /:step=([^:]+)/.exec(more)?.[1]
  const numbers = { low: Number(low), high: Number(high), log: more.includes(':log') }
  const whole = [low, high, step ?? '1'].every((one) => /^[-+]?\d+$/.test(one))
  const type = whole ? ('int' as const) : ('uniform' as const)
  return { [name]: { type, ...numbers, ...(step === undefined ? {} : { step: Number(step) }) } }
}

function valueOf(text: string): ParameterValue {
  if (new RegExp(`^${number}$`).test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  return text
}

/** A parameter as people read it: the reverse of `readParam` where there is one. */
export function paramText(one: SearchSpace[string]): string {
  const more = [one.type !== 'choice' && one.log ? ':log' : '']
  if (one.type === 'choice') return one.values.map((value) => (value === null ? 'null' : String(value))).join(',')
  if (one.step !== undefined && !(one.type === 'int' && one.step === 1)) more.push(`:step=${one.step}`)
  if (one.type === 'normal') return `normal(${one.mean}, ${one.deviation})${more.join('')}`
  return `${one.low}..${one.high}${more.join('')}`
}
