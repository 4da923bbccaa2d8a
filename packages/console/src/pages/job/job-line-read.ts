import { quote } from '../../parts/quote.ts'
import type { JobFields, Origin } from './job-form-body.ts'
import { readDuration } from './job-form-body.ts'
import { imageFlagReaders, imageSwitches } from './job-line-image.ts'
import { modelFlagReaders } from './job-line-model.ts'
import { splitShellWords } from './shell-words.ts'

/** What a text that was pasted asks for. `notes`: what of it only the person can do. */
export interface ReadJob {
  fields: JobFields
  /** Undefined: it says nothing about files. */
  origin: Origin | undefined
  ignore: string[]
  notes: string[]
}

/** What a text is not good for, in a sentence. */
export class UnreadableJob extends Error {}

/** Whether a text looks like a line of the CLI that makes a job. */
export const looksLikeLine = (text: string): boolean => /^\s*(\$\s+)?(nabla\s+)?(run|job\s+create)(\s|$)/.test(text)

/** Reads a line such as `nabla run --env LR=0.1 -- python train.py`. Throws UnreadableJob. */
export function readJobLine(text: string): ReadJob {
  const split = splitShellWords(text.trim().replace(/^\$\s+/, ''))
  if ('problem' in split) throw new UnreadableJob(split.problem)
  const words = [...split.words]
  if (words[0] === 'nabla') words.shift()
  if (words[0] === 'job' && words[1] === 'create') words.splice(0, 2)
  else if (words[0] === 'run') words.shift()
  else throw new UnreadableJob('It is neither a line of `nabla run` or `nabla job create`, nor YAML or JSON.')
  const state: State = { fields: {}, env: {}, git: {}, source: undefined, ignore: [], notes: [] }
  let word = words.shift()
  for (; word !== undefined && word.startsWith('-') && word !== '--'; word = words.shift()) readFlag(state, word, words)
  const command = word === undefined || word === '--' ? words : [word, ...words]
  if (command[0] === '--') command.shift()
  return finish(state, command)
}

interface State {
  fields: JobFields
  env: Record<string, string>
  git: { ref?: string; username?: string; password?: string }
  source: string | undefined
  ignore: string[]
  notes: string[]
}

type Take = (state: State, value: string) => void

const whole = (value: string, flag: string): number => {
  if (!/^\d{1,15}$/.test(value))
    throw new UnreadableJob(`--${flag} takes a whole number, not ${JSON.stringify(value)}.`)
  return Number(value)
}

/** Flags with a value: those of `jobFlags` of the CLI. */
const flags: Record<string, Take> = {
  name: ({ fields }, value) => void (fields.name = value),
  project: ({ fields }, value) => void (fields.project = value),
  tag: ({ fields }, value) => void (fields.tags = [...(fields.tags ?? []), value]),
  'machine-type': ({ fields }, value) => void (fields.machineType = value),
  image: ({ fields }, value) => void (fields.image = value),
  workspace: (state, value) => void (state.source = value),
  ignore: ({ ignore }, value) => void ignore.push(value),
  'workspace-ref': ({ git }, value) => void (git.ref = value),
  'workspace-username': ({ git }, value) => void (git.username = value),
  'workspace-password': ({ git }, value) => void (git.password = value),
  'working-dir': ({ fields }, value) => void (fields.workingDir = value),
  'artifacts-dir': ({ fields }, value) => void (fields.artifactsDir = value),
  dataset({ fields }, value) {
    const [dataset, mount] = assignment(value)
    fields.datasets = [...(fields.datasets ?? []), { dataset, ...(mount !== undefined && { mount }) }]
  },
  env(state, value) {
    const [name, given] = assignment(value)
    if (given === undefined) state.notes.push(`The variable ${name} takes its value from your shell: fill it in.`)
    state.env[name] = given ?? ''
  },
  'env-file': ({ notes }, value) =>
    void notes.push(`The file of variables ${value} is on your machine: add them here.`),
  secret({ env }, value) {
    const [name, secret] = assignment(value)
    env[name] = `secret:${secret ?? name}`
  },
  requirements: ({ fields }, value) => void (fields.requirements = value),
  port: ({ fields }, value) => void (fields.ports = [...(fields.ports ?? []), whole(value, 'port')]),
  'time-limit'({ fields }, value) {
    const seconds = readDuration(value)
    if (seconds === undefined)
      throw new UnreadableJob(`--time-limit takes a time such as 90s, 10m or 2h, not ${value}.`)
    fields.timeLimitSeconds = seconds
  },
  retries: ({ fields }, value) => void (fields.retries = whole(value, 'retries')),
  'retry-on'({ fields }, value) {
    if (value !== 'any' && value !== 'machine') throw new UnreadableJob('--retry-on is `any` or `machine`.')
    fields.retryOn = value
  },
  priority: ({ fields }, value) => void (fields.priority = whole(value, 'priority')),
  ...Object.fromEntries(
    Object.entries({ ...imageFlagReaders, ...modelFlagReaders }).map(([name, take]) => [
      name,
      ({ fields }: State, value: string) => take(fields, value),
    ]),
  ),
  'registry-username': ({ notes }) =>
    void notes.push('A login for one job alone cannot be filled in: store the registry.'),
  'registry-password-from-env': () => undefined,
  url: () => undefined,
  key: () => undefined,
}

const switches: Record<string, (state: State) => void> = {
  'no-requirements': ({ fields }) => void (fields.requirements = null),
  ...Object.fromEntries(
    Object.entries(imageSwitches).map(([name, take]) => [name, ({ fields }: State) => take(fields)]),
  ),
  'registry-password-stdin': () => undefined,
  'no-init': () => undefined,
  'dry-run': () => undefined,
  detach: () => undefined,
  'detach-on-interrupt': () => undefined,
  json: () => undefined,
  quiet: () => undefined,
}

/** Names of options that take no value. */
export const jobSwitches: ReadonlySet<string> = new Set(Object.keys(switches))

const short: Record<string, string> = { e: 'env', p: 'port', d: 'detach', q: 'quiet' }

function readFlag(state: State, word: string, words: string[]): void {
  const long = word.startsWith('--')
  const [name, given] = long ? assignment(word.slice(2)) : [short[word[1] ?? ''] ?? '', word.slice(2) || undefined]
  if (Object.hasOwn(switches, name)) return switches[name]!(state)
  if (!Object.hasOwn(flags, name)) throw new UnreadableJob(`There is no option ${word.split('=', 1)[0]}.`)
  const value = given ?? words.shift()
  if (value === undefined) throw new UnreadableJob(`The option --${name} has no value.`)
  flags[name]!(state, value)
}

function assignment(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function finish(state: State, command: readonly string[]): ReadJob {
  const { fields, env, ignore, notes } = state
  if (Object.keys(env).length > 0) fields.env = env
  const [first] = command
  // One word is a line of the shell already; several are quoted one by one, as the CLI does.
  if (first !== undefined) fields.command = command.length === 1 ? first : command.map(quote).join(' ')
  return { fields, origin: readOrigin(state), ignore, notes }
}

function readOrigin({ source, git, ignore, notes }: State): Origin | undefined {
  if (source === 'none') return { from: 'nothing' }
  const short = /^([\w.-]+@[\w.-]+):(?!\/)(.+)$/.exec(source ?? '')
  if (short) return { from: 'git', url: `ssh://${short[1]}/${short[2]}`, ...git }
  if (source !== undefined && /^(git\+)?(https?|ssh|git):\/\//.test(source)) return { from: 'git', url: source, ...git }
  const where = source === undefined ? 'the folder that the line is run in' : source
  notes.push(`The files are on your machine: choose ${where} here.`)
  return { from: 'folder', name: '', ignore }
}
