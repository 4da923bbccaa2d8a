import { quote } from '../../parts/quote.ts'
import { readDuration } from '../job/job-form-body.ts'
import { jobSwitches, readJobLine } from '../job/job-line-read.ts'
import { splitShellWords } from '../job/shell-words.ts'

/** Whether a text looks like a line of the CLI that makes a deployment. */
export const looksLikeDeployment = (text: string): boolean =>
  /^\s*(\$\s+)?(nabla\s+)?(deploy|deployment\s+create)(\s|$)/.test(text)

type Table = Record<string, unknown>
type Take = (into: Table, value: string) => void

/** Puts a value below a field that is a table. */
const within =
  (field: string, name: string, read: (value: string) => unknown): Take =>
  (into, value) =>
    void (into[field] = { ...(into[field] as Table | undefined), [name]: read(value) })

const direct =
  (field: string, read: (value: string) => unknown): Take =>
  (into, value) =>
    void (into[field] = read(value))

/** Flags with a value: those of `deploymentFlags` of the CLI that no job has. */
const flags: Record<string, Take> = {
  note: direct('note', String),
  instances: direct('instances', whole),
  port: direct('port', whole),
  'mount-model': (into, value) => void (into['models'] = [...((into['models'] as unknown[]) ?? []), mounted(value)]),
  'ready-path': within('healthChecks', 'readiness', (path) => ({ path })),
  'live-path': within('healthChecks', 'liveness', (path) => ({ path })),
  'start-limit': within('healthChecks', 'startLimitSeconds', seconds),
  drain: direct('drainSeconds', seconds),
  auth: within('auth', 'kind', String),
  username: within('auth', 'username', String),
  password: within('auth', 'password', String),
  timeout: within('bounds', 'timeoutSeconds', seconds),
  'per-instance': within('bounds', 'perInstance', whole),
  rate: within('bounds', 'rate', (value) => ({ perSecond: whole(value), burst: whole(value) })),
  'body-limit': within('bounds', 'bodyBytes', bytes),
  min: within('autoscaling', 'min', whole),
  max: within('autoscaling', 'max', whole),
  target(into, value) {
    const [metric = '', target = ''] = value.split('=')
    into['autoscaling'] = { ...(into['autoscaling'] as Table | undefined), metric, target: Number(target) }
  },
}

const short: Record<string, string> = { '-p': '--port', '-d': '--detach' }

/** Reads a line such as `nabla deploy iris --instances 2`. Throws an error whose message is a sentence. */
export function readDeploymentLine(text: string): Table {
  const split = splitShellWords(text.trim().replace(/^\$\s+/, ''))
  if ('problem' in split) throw new Error(split.problem)
  const words = [...split.words]
  if (words[0] === 'nabla') words.shift()
  words.splice(0, words[0] === 'deployment' ? 2 : 1)
  const dashes = words.indexOf('--')
  const behind = dashes === -1 ? [] : words.splice(dashes).slice(1)
  const own: Table = {}
  const ofJob: string[] = []
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [name, given] = partsOf(short[word] ?? word)
    if (!word.startsWith('-')) own['model'] = word
    else if (name === 'file' || word === '-f') throw new Error('That file is on your machine: paste what is in it.')
    else if (Object.hasOwn(flags, name)) flags[name]!(own, given ?? words.shift() ?? '')
    else ofJob.push(word, ...(given === undefined && !jobSwitches.has(name) ? words.splice(0, 1) : []))
  }
  const { fields } = readJobLine(['run', ...[...ofJob, '--', ...behind].map(quote)].join(' '))
  return { ...fields, ...own }
}

function partsOf(word: string): [string, string | undefined] {
  const [name = '', ...value] = word.replace(/^--/, '').split('=')
  return [name, value.length === 0 ? undefined : value.join('=')]
}

function whole(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new Error(`${JSON.stringify(value)} is no whole number.`)
}

function seconds(value: string): number {
  const read = readDuration(value)
  if (read === undefined) throw new Error(`${value} is no time such as 90s, 10m or 2h.`)
  return read
}

const units: Record<string, number> = { '': 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }

function bytes(value: string): number {
  const [, number = '', unit = ''] = /^([\d.]+)\s*([kmg]?i?b?)$/i.exec(value) ?? []
  const factor = units[unit.toLowerCase()] ?? units[`${unit.toLowerCase()}b`]
  if (number === '' || factor === undefined) throw new Error(`${value} is no size such as 64MB.`)
  return Math.round(Number(number) * factor)
}

function mounted(value: string): Table {
  const [, model = '', path] = /^(.*?)(?::(\/.*))?$/.exec(value) ?? []
  return path === undefined ? { model } : { model, path }
}
