import type { Job } from '@nabla/api/job'
import { jobSpec } from '@nabla/api/job'
import { quote } from '../../parts/quote.ts'
import { imageFlags } from './job-line-image.ts'
import { modelFlags } from './job-line-model.ts'

/** What of a job is not what it would be by itself: defaults of the contract are left out. */
export function givenOf(job: Job): Record<string, unknown> {
  const { command, ...spec } = job.spec
  const defaults: Record<string, unknown> = jobSpec.parse({ command })
  const given = Object.entries(spec).filter(([name, value]) => !isSame(value, defaults[name]))
  return {
    project: job.project.name,
    name: job.name,
    ...(job.tags.length > 0 && { tags: job.tags }),
    command,
    machineType: job.machineType,
    ...Object.fromEntries(given.filter(([name]) => name !== 'machineType')),
  }
}

/** The line of the CLI that submits the same from a folder with the same files. */
export function commandOf(job: Job): string {
  const { spec } = job
  const secrets = Object.entries(spec.env).filter(([, value]) => value.startsWith('secret:'))
  const env = Object.entries(spec.env).filter(([, value]) => !value.startsWith('secret:'))
  const defaults = jobSpec.parse({ command: spec.command })
  const flag = (name: string, value: string | number | null, usual?: unknown) =>
    value === null || value === usual ? [] : [`--${name} ${quote(String(value))}`]
  return [
    'run',
    ...flag('project', job.project.name),
    ...flag('name', job.name),
    ...job.tags.map((tag) => `--tag ${quote(tag)}`),
    ...flag('machine-type', job.machineType),
    ...flag('image', spec.image, defaults.image),
    ...imageFlags(spec),
    ...workspaceFlags(spec.workspace),
    ...modelFlags(spec),
    ...env.map(([name, value]) => `--env ${quote(`${name}=${value}`)}`),
    ...secrets.map(([name, value]) => {
      const secret = value.slice('secret:'.length)
      return `--secret ${quote(name === secret ? name : `${name}=${secret}`)}`
    }),
    ...(spec.requirements === null
      ? ['--no-requirements']
      : flag('requirements', spec.requirements, defaults.requirements)),
    ...spec.ports.map((port) => `--port ${port}`),
    ...flag('working-dir', spec.workingDir, defaults.workingDir),
    ...flag('artifacts-dir', spec.artifactsDir, defaults.artifactsDir),
    ...flag('time-limit', spec.timeLimitSeconds === null ? null : `${spec.timeLimitSeconds}s`),
    ...flag('retries', spec.retries, 0),
    ...flag('retry-on', spec.retryOn, defaults.retryOn),
    ...flag('priority', spec.priority, defaults.priority),
    '--',
    quote(spec.command),
  ].join(' ')
}

function workspaceFlags(workspace: Job['spec']['workspace']): string[] {
  if (workspace.from === 'nothing') return ['--workspace none']
  if (workspace.from === 'upload') return []
  const { url, ref, username, password } = workspace
  return [
    `--workspace ${quote(url)}`,
    ...(ref === undefined ? [] : [`--workspace-ref ${quote(ref)}`]),
    ...(username === undefined ? [] : [`--workspace-username ${quote(username)}`]),
    ...(password === undefined ? [] : [`--workspace-password ${quote(password)}`]),
  ]
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
