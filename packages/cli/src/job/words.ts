import type { Job } from '@nabla/api/job'
import { type JobState, jobStates } from '@nabla/api/job-states'
import { formatDuration } from '../terminal/format.ts'
import type { Style } from '../terminal/output.ts'

/** How states look, and sentences about a job. */

const looks: Record<JobState, { sign: string; style: Style }> = {
  pending: { sign: '◌', style: 'yellow' },
  running: { sign: '●', style: 'blue' },
  succeeded: { sign: '✔', style: 'green' },
  failed: { sign: '✖', style: 'red' },
  error: { sign: '✖', style: 'red' },
  cancelled: { sign: '■', style: 'magenta' },
  preempted: { sign: '■', style: 'magenta' },
}

export const styleOf = (state: JobState): Style => looks[state].style
export const signOf = (state: JobState): string => looks[state].sign
export const hasEnded = (job: Pick<Job, 'state'>): boolean => jobStates[job.state].ended

/** What `nabla run` and `nabla job wait` exit with. A job that has not ended has no exit code: 0. */
export function exitCodeOf(job: Pick<Job, 'state' | 'exitCode'>): number {
  const { exitCode } = jobStates[job.state]
  if (exitCode === 'own') return job.exitCode ?? 1
  return exitCode ?? 0
}

/** How long it ran, or has been running; how long it waited if it never started. */
export function durationOf(job: Pick<Job, 'createdAt' | 'startedAt' | 'endedAt'>, nowMs: number): number {
  const end = job.endedAt === null ? nowMs : Date.parse(job.endedAt)
  return end - Date.parse(job.startedAt ?? job.createdAt)
}

const phaseWords: Record<Job['phases'][number]['name'], string> = {
  queue: 'waiting',
  files: 'getting the files',
  build: 'building the image',
  image: 'getting the image',
  create: 'making the container',
  start: 'starting the container',
  environment: 'preparing the Python environment',
  run: 'running',
  collect: 'collecting the artifacts',
}

/** What the job does at this moment, for the status line. */
export function activityOf(job: Job, nowMs: number): string {
  if (job.state === 'pending') {
    const { queue } = job
    const place = queue && queue.position > 1 ? ` · ${queue.position - 1} before it` : ''
    return `${signOf('pending')} waiting${place}${queue?.why ? ` · ${queue.why}` : ''} · ${elapsed(job.createdAt, nowMs)}`
  }
  const phase = job.phases.findLast(({ endedAt }) => endedAt === null)
  const what = job.stopRequestedAt !== null ? 'stopping' : phase ? phaseWords[phase.name] : 'running'
  return `${signOf('running')} ${what} · ${elapsed(phase?.startedAt ?? job.startedAt ?? job.createdAt, nowMs)}`
}

function elapsed(since: string, nowMs: number): string {
  return formatDuration(Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1000) * 1000)).replace('.0 s', ' s')
}
