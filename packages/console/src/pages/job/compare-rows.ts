import type { Job } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { formatBytes, formatDuration, formatTime } from '../../parts/format.ts'

/** One fact of several jobs side by side; undefined where a job has none. */
export interface CompareRow {
  name: string
  values: (string | undefined)[]
}

export const differs = ({ values }: CompareRow): boolean => values.some((value) => value !== values[0])

/** How it went. */
export function outcomeRows(jobs: readonly Job[]): CompareRow[] {
  const phases = [...new Set(jobs.flatMap((job) => job.phases.map(({ name }) => name)))]
  return [
    row('State', jobs, ({ state }) => jobStates[state].label),
    row('Exit code', jobs, ({ exitCode }) => (exitCode === null ? undefined : String(exitCode))),
    row('Reason', jobs, ({ reason }) => reason ?? undefined),
    row('Started', jobs, ({ startedAt }) => (startedAt === null ? undefined : formatTime(startedAt))),
    row('Took', jobs, (job) => took(job.startedAt, job.endedAt)),
    ...phases.map((phase) =>
      row(`Phase ${phase}`, jobs, (job) => {
        const own = job.phases.find(({ name }) => name === phase)
        return own && took(own.startedAt, own.endedAt)
      }),
    ),
    row('Attempts', jobs, ({ attempt }) => String(attempt)),
  ]
}

/** What was asked for, but for the environment. */
export function specRows(jobs: readonly Job[]): CompareRow[] {
  return [
    row('Project', jobs, ({ project }) => project.name),
    row('Command', jobs, ({ spec }) => spec.command),
    row('Machine type', jobs, ({ machineType }) => machineType),
    row('Image', jobs, ({ spec }) => spec.image),
    row('Files', jobs, ({ spec: { workspace } }) =>
      workspace.from === 'git' ? `${workspace.url}${workspace.ref ? ` at ${workspace.ref}` : ''}` : workspace.from,
    ),
    row('Commit', jobs, ({ workspace }) => workspace?.commit ?? undefined),
    row('Workspace', jobs, ({ workspace }) =>
      workspace?.digest
        ? `${workspace.digest.slice(0, 12)}, ${workspace.files} files, ${formatBytes(workspace.sizeBytes)}`
        : undefined,
    ),
    row('Datasets', jobs, ({ datasets }) => versionsOf(datasets)),
    row('Models', jobs, ({ models }) => versionsOf(models)),
    row('Working folder', jobs, ({ spec }) => spec.workingDir),
    row('Artifacts folder', jobs, ({ spec }) => spec.artifactsDir),
    row('Requirements', jobs, ({ spec }) => spec.requirements ?? undefined),
    row('Ports', jobs, ({ spec }) => spec.ports.join(', ') || undefined),
    row('Time limit', jobs, ({ spec }) =>
      spec.timeLimitSeconds === null ? undefined : formatDuration(spec.timeLimitSeconds * 1000),
    ),
    row('Retries', jobs, ({ spec }) => `${spec.retries}, on ${spec.retryOn}`),
    row('Priority', jobs, ({ spec }) => String(spec.priority)),
    row('Tags', jobs, ({ tags }) => tags.toSorted().join(', ') || undefined),
  ]
}

const versionsOf = (mounted: readonly { name: string; version: number }[]): string | undefined =>
  mounted.map(({ name, version }) => `${name}:${version}`).join(', ') || undefined

/** Variables; secrets are there by their names. */
export function environmentRows(jobs: readonly Job[]): CompareRow[] {
  const names = [...new Set(jobs.flatMap(({ spec }) => Object.keys(spec.env)))].sort()
  return names.map((name) => row(name, jobs, ({ spec }) => spec.env[name]?.replace(/^secret:/, 'secret ')))
}

function row(name: string, jobs: readonly Job[], of: (job: Job) => string | undefined): CompareRow {
  return { name, values: jobs.map(of) }
}

const took = (from: string | null, to: string | null): string | undefined =>
  from === null || to === null ? undefined : formatDuration(Date.parse(to) - Date.parse(from))
