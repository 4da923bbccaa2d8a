import { Argument, Command as Commander, type CommanderError, Option } from 'commander'
import { CliError, usageError } from './cli-error.ts'
import { type Command, type Group, isGroup, isLater, type Later } from './command.ts'
import { type Arg, type Flag, type Flags, kebab } from './flags.ts'
import { globalFlags } from './help.ts'

/** What the command line said, once it has been understood. */
export interface Call {
  command: Command
  args: Record<string, unknown>
  flags: Record<string, unknown>
  global: Record<string, unknown>
}

/**
 * Puts a command or a group of them onto its parent; `onCall` is told when the user asked for it. What was not loaded
 * is there with its name alone.
 *
 * @param words the command line: the parser does not tell what stood behind `--`
 */
export function mount(
  parent: Commander,
  node: Command | Group | Later,
  words: readonly string[],
  onCall: (call: Call) => void,
): Commander {
  const made = prepare(parent.createCommand(node.name))
  parent.addCommand(made)
  if (isLater(node)) return made
  if (isGroup(node)) {
    for (const child of node.commands) mount(made, child, words, onCall)
    return made
  }
  for (const [name, arg] of Object.entries(node.args)) made.addArgument(toArgument(name, arg))
  for (const [name, flag] of Object.entries(node.flags)) made.addOption(toOption(name, flag))
  if (node.passThrough) made.passThroughOptions()
  made.action(() => {
    const given = made.optsWithGlobals()
    onCall({
      command: node,
      args: argsOf(node, made, words),
      flags: flagsOf(node.flags, made.opts()),
      global: flagsOf(globalFlags, given),
    })
  })
  return made
}

/** The parser of `nabla` itself, without commands. */
export const createRoot = (): Commander => prepare(new Commander('nabla'))

/** What the parser had against the command line, as an error of ours. `path`: how far the line was right. */
export function toUsageError(error: CommanderError, path: string): CliError {
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const guess = rest.join(' ').match(/\((Did you mean .*)\)/)?.[1]
  const help = `Run \`${path} --help\` to see what there is.`
  const sentence = message.charAt(0).toUpperCase() + message.slice(1)
  return usageError(/[.?]$/.test(sentence) ? sentence : `${sentence}.`, guess ? `${guess} ${help}` : help)
}

/** Help and errors are ours to print: the parser only finds them. */
function prepare(command: Commander): Commander {
  command
    .exitOverride()
    .enablePositionalOptions()
    .helpCommand(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
  for (const [name, flag] of Object.entries(globalFlags)) command.addOption(toOption(name, flag))
  return command
}

function toArgument(name: string, arg: Arg): Argument {
  const word = `${kebab(name)}${arg.many ? '...' : ''}`
  return new Argument(arg.required ? `<${word}>` : `[${word}]`)
}

function toOption(name: string, flag: Flag): Option {
  const short = flag.short ? `-${flag.short}, ` : ''
  const option = new Option(`${short}--${kebab(name)}${flag.value === undefined ? '' : ' <value>'}`)
  if (flag.value === undefined) return option
  // A list in any case: the parser turns a bare null into an empty text.
  return option.argParser((text: string, before: unknown) => {
    const value = parseFlag(name, flag, text)
    return flag.many ? [...((before as unknown[] | undefined) ?? []), value] : [value]
  })
}

function parseFlag(name: string, flag: Flag, text: string): unknown {
  if (flag.choices && !flag.choices.includes(text)) {
    const hint = `Choose one of ${flag.choices.join(', ')}.`
    throw usageError(`--${kebab(name)} cannot be ${JSON.stringify(text)}.`, hint)
  }
  try {
    return flag.parse(text)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw usageError(`--${kebab(name)}: ${error.message}`, error.hint)
  }
}

function argsOf(command: Command, made: Commander, words: readonly string[]): Record<string, unknown> {
  const dashes = words.indexOf('--')
  const behind = dashes === -1 ? 0 : words.length - dashes - 1
  const named = Object.entries(command.args)
  if (behind > 0 && named.length > 1 && named.at(-1)?.[1].afterDashes) return splitArgs(named, made.args, behind)
  const values = Object.entries(command.args).map(([name, arg], index) => {
    const value: unknown = made.processedArgs[index]
    return [name, arg.many ? (value ?? []) : value]
  })
  return Object.fromEntries(values)
}

/** What stands behind the dashes is the command, also where an argument before them was left out. */
function splitArgs(named: readonly [string, Arg][], args: readonly string[], behind: number): Record<string, unknown> {
  const before = args.slice(0, Math.max(0, args.length - behind))
  const values = named.map(([name, arg], index) => {
    const value = arg.afterDashes ? args.slice(Math.min(index, before.length)) : before[index]
    if (value === undefined && arg.required) throw usageError(`Missing required argument '${kebab(name)}'.`, needed)
    return [name, value]
  })
  return Object.fromEntries(values)
}

const needed = 'It stands before the two dashes; what is behind them is the command.'

function flagsOf(flags: Flags, given: Record<string, unknown>): Record<string, unknown> {
  const values = Object.entries(flags).map(([name, flag]) => {
    // The parser takes `--no-x` for the absence of `x`.
    const opposite = /^no[A-Z]/.test(name) && flag.value === undefined
    const value: unknown = opposite ? given[name.charAt(2).toLowerCase() + name.slice(3)] === false : given[name]
    if (flag.value === undefined) return [name, value === true]
    const list = (value ?? []) as unknown[]
    return [name, flag.many ? list : list[0]]
  })
  return Object.fromEntries(values)
}
