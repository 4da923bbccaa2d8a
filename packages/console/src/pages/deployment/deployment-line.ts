import { createDeployment } from '@nabla/api/deployment'
import { quote } from '../../parts/quote.ts'
import { type JobFields, type Origin, writeDuration } from '../job/job-form-body.ts'
import { jobLine } from '../job/job-line.ts'
import type { DeploymentDocument } from './deployment-document.ts'

/** Fields of a deployment that are those of a job, and have the same options. */
const shared = ['name', 'project', 'tags', 'machineType', 'image', 'registry', 'pull', 'user', 'env', 'requirements']

/**
 * The line of the CLI that makes a deployment, without `nabla`; of a document without what is as usual. Undefined if it
 * needs a file.
 */
export function deploymentLine(document: DeploymentDocument, origin: Origin): string | undefined {
  const { model, command, ...fields } = document
  const options = flagsOf(fields)
  if (options === undefined) return undefined
  const common = Object.fromEntries(Object.entries(fields).filter(([name]) => shared.includes(name)))
  const text = typeof command === 'string' ? command : ''
  const line = jobLine({ ...(common as JobFields), command: text || 'x' }, origin)
  const [before, words] = splitAt(line.replace(/^run /, ''), ' -- ')
  const files = text === '' ? before.replace(/^--workspace none ?/, '') : before
  const served = typeof model === 'string' ? [quote(model)] : []
  return ['deploy', ...served, files, ...options, ...(text === '' ? [] : ['--', words])].filter(Boolean).join(' ')
}

/** The line that changes one: only what is otherwise is in it. */
export function changeLine(name: string, changes: DeploymentDocument, rollout: readonly string[]): string | undefined {
  const { model, command, ...fields } = changes
  const options = flagsOf(fields)
  if (options === undefined || model === null || command === null) return undefined
  const common = Object.fromEntries(Object.entries(fields).filter(([field]) => shared.includes(field)))
  const line = jobLine({ ...(common as JobFields), command: typeof command === 'string' ? command : 'x' }, stored)
  const [before, words] = splitAt(line.replace(/^run ?/, ''), '-- ')
  const parts = [
    `deployment update ${quote(name)}`,
    ...(typeof model === 'string' ? [`--model ${quote(model)}`] : []),
    before.trim(),
    ...options,
    ...rollout,
    ...(typeof command === 'string' ? ['--', words] : []),
  ]
  return parts.filter(Boolean).join(' ')
}

const stored: Origin = { from: 'stored', id: '', label: '' }

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)]
}

type Table = Record<string, unknown>
type Writer = (value: unknown) => string[] | undefined

const flag = (name: string, value: unknown): string[] => [`--${name} ${quote(String(value))}`]
const time = (name: string, seconds: unknown): string[] => [`--${name} ${writeDuration(Number(seconds))}`]

const writers: Record<string, Writer> = {
  note: (value) => flag('note', value),
  instances: (value) => flag('instances', value),
  port: (value) => (value === null ? [] : flag('port', value)),
  drainSeconds: (value) => time('drain', value),
  auth: (value) => authFlags(value as Table),
  healthChecks: (value) => tableFlags(value as Table, healthWriters),
  bounds: (value) => tableFlags(value as Table, boundWriters),
  autoscaling: (value) => (value === null ? undefined : scaleFlags(value as Table)),
}

const pathOnly =
  (name: string): Writer =>
  (value) => {
    const { path, ...others } = value as Table
    return typeof path === 'string' && isUsualCheck(others) ? flag(name, path) : undefined
  }

const usualCheck: Table = createDeployment.parse({ project: 'x', model: 'x' }).healthChecks.readiness

const isUsualCheck = (others: Table): boolean =>
  Object.entries(others).every(([name, value]) => JSON.stringify(value) === JSON.stringify(usualCheck[name]))

const healthWriters: Record<string, Writer> = {
  readiness: pathOnly('ready-path'),
  liveness: pathOnly('live-path'),
  startLimitSeconds: (value) => time('start-limit', value),
}

const boundWriters: Record<string, Writer> = {
  timeoutSeconds: (value) => time('timeout', value),
  bodyBytes: (value) => flag('body-limit', value),
  perInstance: (value) => (value === null ? undefined : flag('per-instance', value)),
  rate(value) {
    const { perSecond, burst } = (value ?? {}) as Table
    return perSecond === burst && Number.isInteger(perSecond) ? flag('rate', perSecond) : undefined
  },
}

function authFlags({ kind, username, password }: Table): string[] {
  if (kind !== 'basic') return flag('auth', kind)
  const shown = typeof password === 'string' && password.startsWith('secret:') ? password : 'PASSWORD'
  return [...flag('auth', kind), ...flag('username', username), ...flag('password', shown)]
}

function scaleFlags({ min, max, metric = 'outstanding', target, ...others }: Table): string[] | undefined {
  if (others['cooldownSeconds'] !== undefined && others['cooldownSeconds'] !== 120) return undefined
  if (others['idleSeconds'] !== undefined && others['idleSeconds'] !== 600) return undefined
  return [
    ...(min === undefined ? [] : flag('min', min)),
    ...flag('max', max),
    `--target ${String(metric)}=${String(target)}`,
  ]
}

function tableFlags(table: Table, own: Record<string, Writer>): string[] | undefined {
  const parts = Object.entries(table).map(([name, value]) => own[name]?.(value))
  return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? [])
}

/** Options of what is not of a job; undefined where one of them has none. */
function flagsOf(fields: DeploymentDocument): string[] | undefined {
  return tableFlags(Object.fromEntries(Object.entries(fields).filter(([name]) => !shared.includes(name))), writers)
}
