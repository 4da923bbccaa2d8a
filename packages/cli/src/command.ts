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

/** A command or a group that is loaded when it is asked for: that keeps the start of the others short. */
export interface Later {
  name: string
  about: string
  load(): Promise<Command | Group>
}

/** Commands under one word, such as `nabla job …`. */
export interface Group {
  name: string
  about: string
  commands: readonly (Command | Group | Later)[]
}

/** A group with all that is in it loaded. */
export interface WholeGroup extends Group {
  commands: readonly (Command | WholeGroup)[]
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

export const isGroup = (node: Command | Group | Later): node is Group => 'commands' in node

export const isLater = (node: Command | Group | Later): node is Later => 'load' in node

/** What stands in a group, loaded; groups in it may have more to load. */
export const load = async (node: Command | Group | Later): Promise<Command | Group> =>
  isLater(node) ? node.load() : node

/** Loads all that is in a group, for what looks at every command. */
export async function loadAll(node: Command | Group | Later): Promise<Command | WholeGroup> {
  const loaded = await load(node)
  if (!isGroup(loaded)) return loaded
  return { ...loaded, commands: await Promise.all(loaded.commands.map(loadAll)) }
}
