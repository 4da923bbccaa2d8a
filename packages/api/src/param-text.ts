import type { z } from 'zod'
import { type Parameter, parameter, type ParameterValue } from './search-space.ts'

export type SpaceInput = Record<string, z.input<typeof parameter>>

/** A parameter that was read, or what is wrong with its text. */
export type ReadParam = { name: string; parameter: SpaceInput[string] } | { fault: string; fix: string }

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`
const range = new RegExp(`^(${number})\\.\\.(${number})((?::(?:log|step=${number}))*)$`)

/**
 * A parameter as it is written on the command line: `layers=1..8`, `rate=1e-4..1:log`, `dropout=0..0.5:step=0.1`, or
 * `optimizer=sgd,adam`. A range of whole numbers without a point is one of whole numbers.
 */
export function readParam(text: string): ReadParam {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) {
    return {
      fault: `--param ${text} names no parameter with values.`,
      fix: 'Write --param rate=1e-4..1:log or --param opt=sgd,adam',
    }
  }
  const name = text.slice(0, at)
  const values = text.slice(at + 1)
  const found = range.exec(values)
  if (!found) {
    if (values.includes('..')) {
      return {
        fault: `--param ${text} is no range that can be read.`,
        fix: 'A range is low..high, then :log or :step=0.1',
      }
    }
    return { name, parameter: { type: 'choice', values: values.split(',').map(valueOf) } }
  }
  const [, low = '', high = '', more = ''] = found
  const step = /:step=([^:]+)/.exec(more)?.[1]
  const numbers = { low: Number(low), high: Number(high), log: more.includes(':log') }
  const whole = [low, high, step ?? '1'].every((one) => /^[-+]?\d+$/.test(one))
  const type = whole ? ('int' as const) : ('uniform' as const)
  return { name, parameter: { type, ...numbers, ...(step === undefined ? {} : { step: Number(step) }) } }
}

function valueOf(text: string): ParameterValue {
  if (new RegExp(`^${number}$`).test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  return text
}

/** A parameter as people read it: the reverse of `readParam` where there is one. */
export function paramText(one: Parameter): string {
  const more = [one.type !== 'choice' && one.log ? ':log' : '']
  if (one.type === 'choice') return one.values.map((value) => (value === null ? 'null' : String(value))).join(',')
  if (one.step !== undefined && !(one.type === 'int' && one.step === 1)) more.push(`:step=${one.step}`)
  if (one.type === 'normal') return `normal(${one.mean}, ${one.deviation})${more.join('')}`
  return `${one.low}..${one.high}${more.join('')}`
}

/**
 * A parameter as an option takes it, so that reading it gives the same again; undefined where no option says it: a
 * condition, a normal one, or words that would be read as something else.
 */
export function paramOption(name: string, one: Parameter): string | undefined {
  if (one.type === 'normal' || one.when) return undefined
  const text = `${name}=${one.type === 'uniform' ? pointed(paramText(one)) : paramText(one)}`
  const read = readParam(text)
  if ('fault' in read || read.name !== name) return undefined
  const back = parameter.safeParse(read.parameter)
  return back.success && sameFields(back.data, one) ? text : undefined
}

/** A range between whole numbers that is not one of whole numbers has a point at its end. */
const pointed = (text: string): string => text.replace(/\.\.(-?\d+)(?=:|$)/, '..$1.0')

function sameFields(one: object, other: object): boolean {
  const sorted = (given: object) =>
    JSON.stringify(
      Object.entries(given)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  return sorted(one) === sorted(other)
}
