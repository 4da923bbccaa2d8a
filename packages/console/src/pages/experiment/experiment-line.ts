import { experimentSchemes } from '@nabla/api/experiment-states'
import { quote } from '../../parts/quote.ts'
import type { Origin } from '../job/job-form-body.ts'
import { jobLine } from '../job/job-line.ts'
import { readJobLine } from '../job/job-line-read.ts'
import { splitShellWords } from '../job/shell-words.ts'
import { type ExperimentDocument, readDocument } from './experiment-document.ts'
import type { ExperimentFields, RoleFields } from './experiment-form-body.ts'

/** Roles that the CLI has options for; others need a file. */
const roleNames = ['worker', 'ps', 'master']
const roleOptions = { command: 'command', machineType: 'machine-type', image: 'image' } as const

/** The line of the CLI that runs it, without `nabla`; undefined if it needs a file. */
export function experimentLine(document: ExperimentDocument, origin: Origin): string | undefined {
  const {
    kind,
    scheme,
    roles = [],
    command,
    workspace: _,
    note,
    ...fields
  } = document as ExperimentFields & {
    kind: string
    workspace: unknown
  }
  const written = note ? ` --note ${quote(note)}` : ''
  if (kind === 'single')
    return `experiment ${jobLine({ ...fields, command: command ?? '' }, origin)}`.replace(/ -- /, `${written} -- `)
  if (roles.some((role) => !roleNames.includes(role.name) || Object.keys(role.env ?? {}).length > 0)) return undefined
  const { startLimitSeconds, ...common } = fields as typeof fields & { startLimitSeconds?: number }
  const begin = jobLine({ ...common, command: 'x' }, origin).replace(/ -- x$/, '')
  const limit = startLimitSeconds === undefined ? '' : ` --start-limit ${startLimitSeconds}s`
  return `experiment ${begin}${written} --scheme ${scheme}${limit}${roles.map(roleFlags).join('')}`
}

function roleFlags(role: RoleFields): string {
  const flags = Object.entries(roleOptions).flatMap(([field, option]) => {
    const value = role[field as keyof typeof roleOptions]
    return value === undefined ? [] : [` --${role.name}-${option} ${quote(value)}`]
  })
  return flags.join('') + (role.count === undefined || role.count === 1 ? '' : ` --${role.name}-count ${role.count}`)
}

/** Whether a text looks like a line that makes an experiment, or a job: one of a single node then. */
const looksLikeExperiment = (text: string): boolean =>
  /^\s*(\$\s+)?(nabla\s+)?(experiment\s+(run|create)|run|job\s+create)(\s|$)/.test(text)

/** Reads what somebody pasted: such a line, or YAML, or JSON. Throws an error whose message says what is wrong. */
export async function readExperimentText(text: string): Promise<ExperimentDocument> {
  return looksLikeExperiment(text) ? readExperimentLine(text) : readDocument(text)
}

/** Reads such a line. Throws an error whose message says what is wrong. */
export function readExperimentLine(text: string): ExperimentDocument {
  const plain = text.trim().replace(/^(\$\s+)?(nabla\s+)?experiment\s+(run|create)(?=\s|$)/, 'run')
  const split = splitShellWords(plain)
  if ('problem' in split) throw new Error(split.problem)
  const roles = new Map<string, RoleFields>()
  const own: Record<string, string> = {}
  const rest: string[] = []
  const words = [...split.words]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') {
      rest.push(word, ...words)
      break
    }
    const [, name, given] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    const value = () => given ?? words.shift() ?? ''
    if (name !== undefined && /^(worker|ps|master)-(command|count|machine-type|image)$/.test(name))
      setRole(roles, name, value())
    else if (name === 'scheme' || name === 'start-limit' || name === 'note') own[name] = value()
    else rest.push(word)
  }
  const { fields, origin } = readJobLine(rest.map(quote).join(' '))
  const { note, scheme } = own
  const shared = {
    ...fields,
    ...(note !== undefined && { note }),
    ...(origin?.from === 'git' && { workspace: origin }),
  }
  if (roles.size === 0 && scheme === undefined) return { kind: 'single', ...shared }
  if (scheme !== undefined && !Object.hasOwn(experimentSchemes, scheme))
    throw new Error(`There is no scheme ${scheme}.`)
  return { kind: 'multi-node', scheme: scheme ?? usualScheme([...roles.keys()]), roles: [...roles.values()], ...shared }
}

function setRole(roles: Map<string, RoleFields>, flag: string, value: string): void {
  const [, name = '', option = ''] = /^([a-z]+)-(.*)$/.exec(flag) ?? []
  const role: RoleFields = roles.get(name) ?? { name }
  if (option === 'command') role.command = value
  if (option === 'image') role.image = value
  if (option === 'machine-type') role.machineType = value
  if (option === 'count') role.count = Number(value) || 1
  roles.set(name, role)
}

/** What the CLI takes without `--scheme`. */
function usualScheme(roles: readonly string[]): string {
  if (roles.includes('ps')) return 'tensorflow'
  if (roles.includes('master')) return 'mpi'
  throw new Error('It is not said how the workers find each other: add --scheme pytorch, jax or another.')
}
