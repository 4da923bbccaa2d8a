import { CommanderError } from 'commander'
import packageJson from '../package.json' with { type: 'json' }
import { CliError, isApiError } from './cli-error.ts'
import { type Command, type Group, isGroup, isLater, type Later, load } from './command.ts'
import { entries } from './commands/index.ts'
import { createContext, type Io } from './context.ts'
import { exitCodes, exitReasonOf } from './exit-codes.ts'
import { globalFlags, renderHelp, renderPage } from './help.ts'
import { type Call, createRoot, mount, toUsageError } from './mount.ts'
import { Output, OutputClosed } from './terminal/output.ts'
import { readSettings } from './settings.ts'

/**
 * Runs one command line, without the leading `nabla`, and returns its exit code. Nothing in it ends the process, so
 * that tests call it as it is.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(io.variables)
  const out = new Output(io.stdout, io.stderr, settings)
  const words = toOptions(argv)
  // An error in the line itself is told in the form that the line asks for.
  out.json = beforeDashes(words).includes('--json')
  try {
    const call = await parse(words, out)
    if (!call) return exitCodes.ok.code
    out.json = call.global['json'] === true
    out.quiet = call.global['quiet'] === true
    const { url, key } = call.global as { url?: string; key?: string }
    const context = createContext(io, out, settings, { url, key }, words)
    return (await call.command.run(context, call.args, call.flags)) ?? exitCodes.ok.code
  } catch (error) {
    return report(error, out)
  } finally {
    out.clearStatus()
  }
}

/** Loads what the words ask for, and understands the rest. Undefined: help or the version was asked for. */
async function parse(words: readonly string[], out: Output): Promise<Call | undefined> {
  let call: Call | undefined
  const root = createRoot().version(packageJson.version, '-V, --version')
  const wanted = firstWord(words)
  let node: Command | Group | Later | undefined
  for (const entry of entries) {
    if (entry.name === wanted) node = await loadNamed(entry, beforeDashes(words))
    mount(root, entry.name === wanted && node ? node : entry, words, (made) => (call = made))
  }
  try {
    await root.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    const asked = node ? await findNode(node, words) : undefined
    const path = ['nabla', ...(asked?.path ?? [])].join(' ')
    if (error.code === 'commander.version') await out.line(packageJson.version)
    else if (!error.code.startsWith('commander.help')) throw toUsageError(error, path)
    else await out.write(asked ? renderHelp(path, asked.node, out) : renderRootHelp(out))
  }
  return call
}

/** With what is named by one of the words loaded: it may be what they ask for. */
async function loadNamed(node: Command | Group | Later, words: readonly string[]): Promise<Command | Group | Later> {
  if (isLater(node)) return words.includes(node.name) ? loadNamed(await node.load(), words) : node
  if (!isGroup(node)) return node
  return { ...node, commands: await Promise.all(node.commands.map((child) => loadNamed(child, words))) }
}

function renderRootHelp(out: Output): string {
  const titles = [...new Set(entries.map(({ group }) => group))].filter((group) => group !== 'hidden')
  const sections = titles.map((title) => {
    const inIt = entries.filter(({ group }) => group === title)
    return { title, rows: inIt.map(({ name, about }) => [name, about] as const) }
  })
  const page = renderPage('nabla <command> …', 'Train and serve models on your own machine.', sections, out)
  return `${page}\nRun \`nabla <command> --help\` for the options of a command, with examples.\n`
}

/** The command or group that the words lead to, as far as they are right. */
async function findNode(
  top: Command | Group | Later,
  words: readonly string[],
): Promise<{ node: Command | Group; path: string[] }> {
  let node = await load(top)
  const path = [top.name]
  for (const word of words.slice(words.indexOf(top.name) + 1)) {
    if (word === '--' || !isGroup(node)) break
    const child = node.commands.find(({ name }) => name === word)
    if (!child) continue
    node = await load(child)
    path.push(word)
  }
  return { node, path }
}

/** `help job list` is another way to write `job list --help`. */
function toOptions(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]
}

/** What is for `nabla`: behind two dashes stands the command of a job. */
function beforeDashes(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--')
  return words.slice(0, end === -1 ? undefined : end)
}

function firstWord(words: readonly string[]): string | undefined {
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? ''
    if (!word.startsWith('-')) return word
    if (globalFlags[word.slice(2)]?.value !== undefined) index += 1
  }
  return undefined
}

async function report(error: unknown, out: Output): Promise<number> {
  if (error instanceof OutputClosed) return exitCodes.outputClosed.code
  if (error instanceof CliError) {
    out.error({ code: error.reason, message: error.message, hint: error.hint })
    return error.exitCode
  }
  if (isApiError(error)) {
    const { status, code, message, hint, requestId } = error
    out.error({ code, message, hint, requestId })
    return exitCodes[exitReasonOf(status)].code
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  out.error({ code: 'internal', message: `Something went wrong in nabla itself: ${detail}`, hint: 'Please report it.' })
  return exitCodes.failure.code
}
