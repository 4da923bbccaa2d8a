import { usageError } from './cli-error.ts'
import { parseBytes, parseDuration } from './terminal/format.ts'

/** What shell completion offers for a value: names of the server, or files. */
export type Completes =
  | 'job'
  | 'project'
  | 'secret'
  | 'machine-type'
  | 'team'
  | 'key'
  | 'dataset'
  | 'model'
  | 'workflow'
  | 'file'

/** An option of a command, as data. `Value` is what its command receives. */
export interface Flag<Value = unknown> {
  about: string
  /** Placeholder of its value; a flag without one is a switch. */
  value?: string
  short?: string
  /** May be given several times; the command gets a list. */
  many?: true
  choices?: readonly string[]
  /** Said in the help: what happens without it. */
  fallback?: string
  completes?: Completes
  /** Heading in the help that it stands under. */
  section?: string
  parse(text: string): unknown
  /** Only for the type. */
  readonly type?: Value
}

/** A positional argument of a command, as data. */
export interface Arg<Value = unknown> {
  about: string
  required?: true
  many?: true
  /** Stands after two dashes, so that what looks like an option is none. */
  afterDashes?: true
  completes?: Completes
  readonly type?: Value
}

export type Flags = Record<string, Flag>
export type Args = Record<string, Arg>
export type ValuesOf<Fields extends Flags | Args> = {
  [Name in keyof Fields]: Fields[Name] extends Flag<infer Value> | Arg<infer Value> ? Value : never
}

interface More {
  short?: string
  fallback?: string
  completes?: Completes
}

const asIs = (text: string): string => text

export const flag = {
  on: (about: string, more: More = {}): Flag<boolean> => ({ about, parse: asIs, ...more }),
  text: (value: string, about: string, more: More = {}): Flag<string | undefined> => ({
    about,
    value,
    parse: asIs,
    ...more,
  }),
  texts: (value: string, about: string, more: More = {}): Flag<string[]> => ({
    about,
    value,
    many: true,
    parse: asIs,
    ...more,
  }),
  whole: (value: string, about: string, more: More = {}): Flag<number | undefined> => ({
    about,
    value,
    parse: parseWhole,
    ...more,
  }),
  wholes: (value: string, about: string, more: More = {}): Flag<number[]> => ({
    about,
    value,
    many: true,
    parse: parseWhole,
    ...more,
  }),
  /** A length of time; the command gets seconds. */
  duration: (about: string, more: More = {}): Flag<number | undefined> => ({
    about,
    value: 'time',
    parse: parseDuration,
    ...more,
  }),
  /** A size; the command gets bytes. */
  bytes: (about: string, more: More = {}): Flag<number | undefined> => ({
    about,
    value: 'size',
    parse: parseBytes,
    ...more,
  }),
  oneOf: <const Choice extends string>(choices: readonly Choice[], about: string, more: More = {}) =>
    ({ about, value: choices.length > 4 ? 'value' : choices.join('|'), choices, parse: asIs, ...more }) as Flag<
      Choice | undefined
    >,
  someOf: <const Choice extends string>(choices: readonly Choice[], about: string) =>
    ({ about, value: 'value', choices, many: true, parse: asIs }) as Flag<Choice[]>,
}

export const arg = {
  required: (about: string, completes?: Completes): Arg<string> => ({
    about,
    required: true,
    ...(completes && { completes }),
  }),
  optional: (about: string, completes?: Completes): Arg<string | undefined> => ({
    about,
    ...(completes && { completes }),
  }),
  /** None or more. */
  any: (about: string, completes?: Completes): Arg<string[]> => ({
    about,
    many: true,
    ...(completes && { completes }),
  }),
  /** The words of a command line. */
  words: (about: string): Arg<string[]> => ({ about, many: true, afterDashes: true }),
  /** One or more. */
  many: (about: string, completes?: Completes): Arg<string[]> => ({
    about,
    required: true,
    many: true,
    ...(completes && { completes }),
  }),
}

/** Puts flags under a heading of their own in the help. */
export function inSection<Fields extends Flags>(section: string, flags: Fields): Fields {
  return Object.fromEntries(Object.entries(flags).map(([name, one]) => [name, { ...one, section }])) as Fields
}

/** `machineType` is written `--machine-type`. */
export const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError(`${JSON.stringify(text)} is not a whole number.`, 'Give digits only.')
  return Number(text)
}
