import type { Context } from './context.ts'
import type { Args, Flags, ValuesOf } from './flags.ts'

export interface Example {
  /** Without the leading `nabla`. */
  line: string
  about: string
}

/** One thing that the CLI does, as data: the parser, help, completion and the reference page read it. */
export interface Command {
  name: string
  /** One line, without a full stop. */
  about: string
  /** More to know, below the usage: paragraphs of plain text. */
  details?: string
  args: Args
  flags: Flags
  examples: readonly Example[]
  /** Everything from the first argument on belongs to the last one, also what looks like an option. */
  passThrough?: true
  /** Returns the exit code; nothing is 0. */
  run: (context: Context, args: Record<string, unknown>, flags: Record<string, unknown>) => Promise<number | void>
}

/** Commands under one word, such as `nabla job …`. */
export interface Group {
  name: string
  about: string
  commands: readonly (Command | Group)[]
}

type NoFields = Record<string, never>

interface Spec<A extends Args, F extends Flags> {
  name: string
  about: string
  details?: string
  args?: A
  flags?: F
  examples: readonly Example[]
  passThrough?: true
  run: (context: Context, args: ValuesOf<A>, flags: ValuesOf<F>) => Promise<number | void>
}

/** Declares a command; `run` gets the arguments and flags with the types of their declarations. */
export function defineCommand<A extends Args = NoFields, F extends Flags = NoFields>(spec: Spec<A, F>): Command {
  const { run } = spec
  return {
    ...spec,
    args: spec.args ?? {},
    flags: spec.flags ?? {},
    run: (context, args, flags) => run(context, args as ValuesOf<A>, flags as ValuesOf<F>),
  }
}

export const isGroup = (node: Command | Group): node is Group => 'commands' in node
