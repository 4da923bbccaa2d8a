import { modelName } from '@nabla/api/model-reference'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'

/** Text that may be left out; the clients leave out what is empty, and scripts send it as it is. */
export const optional = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => (value === null || value === undefined || value === '' ? undefined : String(value)))

/** Yes or no in a query: Python writes `True`, JavaScript `true`, people anything. */
export const yes = z
  .union([z.boolean(), z.string(), z.number()])
  .nullish()
  .transform((value) => /^(true|1|yes|on)$/i.test(String(value ?? '')))

/** A number that may be a text. */
export const count = z.coerce.number().int().min(0).max(1_000_000_000).optional()

/** All that came: for lists, whose keys carry numbers, and for filters. */
export const anything = z.record(z.string(), z.unknown())

export type Anything = z.output<typeof anything>

/** Values of a key that is repeated (`tag=a&tag=b`) or numbered (`tag[0]=a`). */
export function listOf(input: Anything, name: string): string[] {
  const numbered = new RegExp(`^${name}\\[\\d*\\]$`)
  return Object.entries(input)
    .filter(([key]) => key === name || numbered.test(key))
    .flatMap(([, value]) => value)
    .map(String)
    .filter((value) => value !== '')
}

/** JSON that stands in a query. Throws AppError `invalid`. */
export function jsonIn(input: Anything, name: string): unknown {
  const text = input[name]
  if (text === undefined || text === '') return undefined
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    throw new AppError('invalid', { detail: `The query \`${name}\` is not JSON.` })
  }
}

/** The value at `names`, one inside the other, if all are there. */
export function inside(value: unknown, ...names: string[]): unknown {
  let at = value
  for (const name of names)
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  return at
}

/** A text inside of it, or a number as one. */
export function textInside(value: unknown, ...names: string[]): string | undefined {
  const found = inside(value, ...names)
  if (typeof found === 'number') return String(found)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/**
 * A command as it was sent by most calls: in base64. What does not come out the same when it is encoded again was
 * never encoded.
 */
export function decodeCommand(text: string): string {
  const bytes = Buffer.from(text, 'base64')
  const decoded = bytes.toString('utf8')
  const isBase64 = bytes.toString('base64').replace(/=+$/, '') === text.trim().replace(/=+$/, '')
  return isBase64 && Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : text
}

/**
 * Ports as the clients take them, `8080,9000:9900`: of a pair the second is the one that the program listens on.
 * Throws AppError `invalid`.
 */
export function portsOf(text: string | undefined): number[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const port = /^(?:\d{1,5}:)?(\d{1,5})$/.exec(part)?.[1]
      if (port === undefined) throw new AppError('invalid', { detail: `${part.slice(0, 40)} is not a port.` })
      return Number(port)
    })
}

/** Variables, of an object or of the JSON of one; values become texts. Throws AppError `invalid`. */
export function variablesOf(value: unknown): Record<string, string> {
  const given = typeof value === 'string' && value !== '' ? jsonIn({ envVars: value }, 'envVars') : value
  if (given === undefined || given === null || given === '') return {}
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new AppError('invalid', { detail: 'Environment variables are an object of names and values.' })
  }
  return Object.fromEntries(
    Object.entries(given).map(([name, one]) => [name, typeof one === 'string' ? one : JSON.stringify(one)]),
  )
}

/** A name that others gave, as one that may stand here: without slashes, control characters and blanks at its ends. */
export function nameOf(text: string | undefined): string | undefined {
  const name = text
    ?.replaceAll(/[\u0000-\u001f\u007f/\\]+/g, '-')
    .trim()
    .slice(0, 100)
    .trim()
  return name === undefined || name === '' || name === '.' || name === '..' ? undefined : name
}

/** The part of a list that a client is to show: it asks for one more, to know whether there is more. */
export function window<Item>(input: Record<string, unknown>, items: readonly Item[]): Item[] {
  const skip = Number(input['filter[skip]'] ?? 0)
  const limit = Number(input['filter[limit]'] ?? items.length)
  const from = Number.isSafeInteger(skip) && skip > 0 ? skip : 0
  return items.slice(from, from + (Number.isSafeInteger(limit) && limit > 0 ? limit : items.length))
}

/** A name that models may have here: letters, digits, dots, hyphens and underscores. */
export function modelNameOf(text: string): string {
  const name = text
    .trim()
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100)
  return modelName.safeParse(name).success ? name : 'model'
}
