import { jobRoutes, type JobSummary } from '@nabla/api/job'
import { type QueuedJob, serverRoutes } from '@nabla/api/server'
import { listCommand } from '../from-contract.ts'
import { durationOf, signOf, styleOf } from '../job/words.ts'
import { formatAgo, formatDuration } from '../terminal/format.ts'
import type { Column } from '../terminal/table.ts'

export const list = listCommand<JobSummary>('job', jobRoutes, {
  about: 'Show jobs, newest first',
  columns: ({ io, out }) => jobColumns(io.now(), (job, text) => out.style(styleOf(job.state), text)),
  empty: 'No jobs. Submit one with: nabla run -- echo hello',
  examples: [
    { line: 'job list', about: 'the newest ones' },
    { line: 'job list --state running', about: 'those that run now' },
    { line: 'job list --project digits --limit 200 --json', about: 'for a script' },
  ],
})

export const queue = listCommand<QueuedJob>(
  'server',
  serverRoutes,
  {
    about: 'Show what waits for a place on the machine, and why',
    columns: ({ io }) => [
      { title: 'PLACE', rank: 1, align: 'right', value: ({ position }) => String(position) },
      { title: 'NAME', rank: 0, shrinkTo: 16, cut: 'middle', value: ({ job }) => job.name },
      { title: 'PROJECT', rank: 4, shrinkTo: 10, value: ({ project }) => project.name },
      { title: 'MACHINE', rank: 3, value: ({ machineType }) => machineType },
      { title: 'SINCE', rank: 5, value: ({ createdAt }) => formatAgo(createdAt, io.now()) },
      { title: 'WAITS BECAUSE', rank: 2, shrinkTo: 20, value: ({ why }) => why },
    ],
    empty: 'Nothing waits.',
    examples: [{ line: 'job queue', about: 'next one first' }],
  },
  'queue',
)

function jobColumns(nowMs: number, paint: (job: JobSummary, text: string) => string): Column<JobSummary>[] {
  return [
    { title: 'NAME', rank: 0, shrinkTo: 16, cut: 'middle', value: (job) => job.name },
    {
      title: 'STATE',
      rank: 0,
      value: (job) => `${signOf(job.state)} ${job.state}${job.state === 'failed' ? ` (${job.exitCode})` : ''}`,
      paint: (text, job) => paint(job, text),
    },
    { title: 'PROJECT', rank: 3, shrinkTo: 10, value: (job) => job.project.name },
    { title: 'COMMAND', rank: 4, shrinkTo: 16, value: (job) => job.command },
    { title: 'TYPE', rank: 6, value: (job) => job.machineType },
    { title: 'CREATED', rank: 1, value: (job) => formatAgo(job.createdAt, nowMs) },
    {
      title: 'TOOK',
      rank: 2,
      align: 'right',
      value: (job) => (job.startedAt === null ? '–' : formatDuration(durationOf(job, nowMs))),
    },
    { title: 'ID', rank: 5, value: (job) => job.id },
  ]
}
