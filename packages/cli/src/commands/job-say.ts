import type { Job } from '@nabla/api/job'
import type { Context } from '../context.ts'
import { formatAgo, formatBytes, formatDuration, formatTime, plural } from '../terminal/format.ts'
import { durationOf, hasEnded, signOf, styleOf } from '../job/words.ts'
import { quoteWord } from '../quote.ts'

/** Says that a job was submitted. `asResult`: its name is all the user gets, so it goes to standard output. */
export async function sayJob({ out }: Context, job: Job, asResult: boolean): Promise<void> {
  if (out.json) {
    await out.value(asResult ? job : { job })
    return
  }
  const { name } = job
  if (asResult) await out.line(`${name}  ${out.style('dim', job.id)}`)
  else out.note(`Job ${out.styleNote('bold', name)} in project ${job.project.name}  ${out.styleNote('dim', job.id)}`)
  if (asResult) out.note(out.styleNote('dim', `See it with: nabla job logs --follow ${quoteWord(name)}`))
}

/** Everything about one job, for a person. */
export async function showJob({ io, out }: Context, job: Job, ports: readonly PortOfJob[]): Promise<void> {
  const { spec } = job
  const state = out.style(styleOf(job.state), `${signOf(job.state)} ${job.state}`)
  const exit = job.exitCode === null ? '' : `, exit code ${job.exitCode}`
  const queue = job.queue ? `place ${job.queue.position}; ${job.queue.why}` : undefined
  const took = formatDuration(durationOf(job, io.now()))
  await out.fields(
    present([
      ['name', out.style('bold', job.name)],
      ['id', job.id],
      ['project', job.project.name],
      ['state', `${state}${exit}${job.stopRequestedAt !== null && !hasEnded(job) ? ', stopping' : ''}`],
      ['reason', job.reason],
      ['queue', queue],
      ['attempt', job.attempt > 1 ? String(job.attempt) : undefined],
      ['command', spec.command],
      ['machine', `${job.machineType}${spec.image === 'host' ? '' : `, image ${spec.image}`}`],
      ['build', buildWords(job)],
      ['workspace', workspaceWords(job)],
      ['datasets', job.datasets.map(({ name, version, path }) => `${name}:${version} at ${path}`).join('\n')],
      ['models', job.models.map(({ name, version, path }) => `${name}:${version} at ${path}`).join('\n')],
      [
        'variables',
        Object.entries(spec.env)
          .map(([name, value]) => `${name}=${value}`)
          .join('\n'),
      ],
      ['ports', ports.map(portWords).join('\n')],
      ['time limit', spec.timeLimitSeconds === null ? undefined : formatDuration(spec.timeLimitSeconds * 1000)],
      ['retries', spec.retries > 0 ? `${spec.retries}, on ${spec.retryOn} failure` : undefined],
      ['tags', job.tags.join(', ')],
      ['clone of', job.parentJobId],
      ['workflow', job.workflow && `${job.workflow.name}, run ${job.workflow.run}, its job ${job.workflow.job}`],
      ['created', `${formatTime(job.createdAt)} by ${job.createdBy.name} (${formatAgo(job.createdAt, io.now())})`],
      ['started', job.startedAt === null ? undefined : formatTime(job.startedAt)],
      ['ended', job.endedAt === null ? undefined : formatTime(job.endedAt)],
      [job.startedAt === null ? 'waited' : 'took', took],
      ['phases', phaseWords(job, io.now())],
    ]),
  )
}

function buildWords({ spec: { build } }: Job): string | undefined {
  if (!build) return undefined
  const parts = [
    build.dockerfile,
    ...(build.target === null ? [] : [`up to ${build.target}`]),
    ...(build.push === null ? [] : [`pushed to ${build.push}`]),
    ...(build.only ? ['not run'] : []),
  ]
  return parts.join(', ')
}

/** A port of a job, and where a browser opens it. */
type PortOfJob = { port: number; address: string | null }

const portWords = ({ port, address }: PortOfJob): string => (address === null ? String(port) : `${port} at ${address}`)

function workspaceWords({ spec, workspace }: Job): string {
  const source = spec.workspace
  const size = workspace ? `${plural(workspace.files, 'file')}, ${formatBytes(workspace.sizeBytes)}` : ''
  if (source.from === 'nothing') return 'none'
  if (source.from === 'upload') return size || 'uploaded'
  const commit = workspace?.commit ? ` at ${workspace.commit.slice(0, 12)}` : ''
  return [`${source.url}${source.ref ? ` (${source.ref})` : ''}${commit}`, size].filter(Boolean).join('\n')
}

function phaseWords(job: Job, nowMs: number): string {
  const words = job.phases.map(({ name, startedAt, endedAt }) => {
    const ms = (endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt)
    const firstMs =
      name === 'run' && job.firstOutputAt !== null ? Date.parse(job.firstOutputAt) - Date.parse(startedAt) : null
    const first = firstMs === null ? '' : ` (first output after ${formatDuration(Math.max(0, firstMs))})`
    return `${name} ${formatDuration(ms)}${first}`
  })
  return words.join(' → ')
}

type Field = [string, string | null | undefined]

function present(fields: Field[]): [string, string][] {
  return fields.filter(
    (field): field is [string, string] => field[1] !== null && field[1] !== undefined && field[1] !== '',
  )
}
