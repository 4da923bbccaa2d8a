import { quote } from '../../parts/quote.ts'
import { imageFlags } from './job-line-image.ts'
import { modelFlags } from './job-line-model.ts'
import { givenFields, type JobFields, type Origin, writeDuration } from './job-form-body.ts'

/** The line of the CLI that submits a job, without `nabla`. Missing words are shown as `COMMAND`. */
export function jobLine(fields: JobFields, origin: Origin): string {
  return ['run', ...originFlags(origin), ...fieldFlags(fields), '--', commandWords(fields.command ?? '')].join(' ')
}

/** The line that submits a job again with changes; `changed` has only what is different. */
export function cloneLine(job: string, changed: JobFields): string {
  const { command, ...others } = changed
  const words = command === undefined ? [] : ['--', commandWords(command)]
  return ['job clone', quote(job), ...fieldFlags(others), ...words].join(' ')
}

function fieldFlags(fields: JobFields): string[] {
  const given = givenFields(fields)
  const flag = (name: string, value: string | number | null | undefined) =>
    value === undefined || value === null ? [] : [`--${name} ${quote(String(value))}`]
  return [
    ...flag('name', given.name),
    ...flag('project', given.project),
    ...(given.tags ?? []).map((tag) => `--tag ${quote(tag)}`),
    ...flag('machine-type', given.machineType),
    ...flag('image', given.image),
    ...imageFlags(given),
    ...(given.datasets ?? []).map(({ dataset, mount }) => `--dataset ${quote(withMount(dataset, mount))}`),
    ...modelFlags(given),
    ...flag('working-dir', given.workingDir),
    ...flag('artifacts-dir', given.artifactsDir),
    ...Object.entries(given.env ?? {}).map(([name, value]) => variableFlag(name, value)),
    ...(given.requirements === null ? ['--no-requirements'] : flag('requirements', given.requirements)),
    ...(given.ports ?? []).map((port) => `--port ${port}`),
    ...(given.timeLimitSeconds == null ? [] : [`--time-limit ${writeDuration(given.timeLimitSeconds)}`]),
    ...flag('retries', given.retries),
    ...flag('retry-on', given.retryOn),
    ...flag('priority', given.priority),
  ]
}

const withMount = (dataset: string, mount: string | undefined) =>
  mount === undefined ? dataset : `${dataset}=${mount}`

function variableFlag(name: string, value: string): string {
  if (!value.startsWith('secret:')) return `--env ${quote(`${name}=${value}`)}`
  const secret = value.slice('secret:'.length)
  return `--secret ${quote(secret === name ? name : `${name}=${secret}`)}`
}

function originFlags(origin: Origin): string[] {
  switch (origin.from) {
    case 'nothing':
      return ['--workspace none']
    case 'git':
      return [
        `--workspace ${quote(origin.url || 'URL')}`,
        ...(origin.ref ? [`--workspace-ref ${quote(origin.ref)}`] : []),
        ...(origin.username ? [`--workspace-username ${quote(origin.username)}`] : []),
        ...(origin.password ? [`--workspace-password ${quote(shownPassword(origin.password))}`] : []),
      ]
    case 'folder':
      return [
        `--workspace ${quote(origin.name || '.')}`,
        ...origin.ignore.map((pattern) => `--ignore ${quote(pattern)}`),
      ]
    case 'archive':
      return [`--workspace ${quote(origin.name)}`]
    case 'stored':
      return []
    default:
      return origin satisfies never
  }
}

/** A token is not for a line that is shown and copied; the name of a secret is. */
export const shownPassword = (password: string): string => (password.startsWith('secret:') ? password : 'TOKEN')

/** Plain words stand as they are; anything else is one word, which the CLI takes for a line of the shell. */
function commandWords(command: string): string {
  if (command.trim() === '') return 'COMMAND'
  const words = command.split(' ')
  return words.every((word) => word !== '' && quote(word) === word) ? command : quote(command)
}
