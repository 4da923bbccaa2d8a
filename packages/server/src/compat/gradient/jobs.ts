import type { Job, JobState, JobSummary } from '@nabla/api/job'
import { jobState } from '@nabla/api/job'
import { z } from 'zod'
import { clusterId } from './clusters.ts'
import { anything, inside, jsonIn, listOf, nameOf, optional, textInside } from './fields.ts'
import { createJobOf, jobFields } from './job-create.ts'
import { metricsAddress } from './metrics-address.ts'
import { allPages } from './pages.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'

const byId = z.object({ jobId: z.string() })

export const jobRoutes = [
  ...gradientBytes({ method: 'POST', path: '/jobs/createJob', bytes: true, input: jobFields }, async (exchange) => ({
    json: await withAddress(exchange, toJob(await createJobOf(exchange))),
  })),
  ...gradientRoute('GET', '/jobs/getJobList', anything, async (exchange) => ({ jobList: await listJobs(exchange) })),
  // The same for `paperspace-node`: bare, and by the name of the project.
  ...gradientRoute('GET', '/jobs/getJobs', anything, (exchange) => listJobs(exchange)),
  ...gradientRoute('POST', '/jobs/getPublicJob', byId, async (exchange) => {
    const { call, input } = exchange
    return { job: await withAddress(exchange, toJob(await call('job', 'show', { job: input.jobId }))) }
  }),
  ...gradientRoute('GET', '/jobs/getJob', byId, async ({ call, input }) =>
    toJob(await call('job', 'show', { job: input.jobId })),
  ),
  ...gradientRoute('POST', '/jobs/:id/stop', z.unknown(), async ({ call, params }) =>
    toJob(await call('job', 'stop', { job: params['id']!, body: {} })),
  ),
  ...gradientRoute('POST', '/jobs/:id/destroy', z.unknown(), async ({ call, params }) => {
    // It killed what still ran.
    return call('job', 'delete', { job: params['id']!, force: true })
  }),
  ...gradientRoute('POST', '/jobs/:id/clone', z.object({ name: optional }), async ({ call, params, input }) =>
    toJob(await call('job', 'clone', { job: params['id']!, body: { name: nameOf(input.name) } })),
  ),
]

/** Jobs of a project, by id or name, of an experiment, or all; with all of the tags that are asked for. */
async function listJobs(exchange: Exchange<Record<string, unknown>>) {
  const { call, input } = exchange
  const filter = jsonIn(input, 'filter')
  const where = inside(filter, 'filter', 'where') ?? inside(filter, 'where')
  const project = textInside(where, 'projectId') ?? textInside(where, 'project') ?? textInside(input, 'project')
  const experiment = textInside(where, 'experimentId')
  const tags = listOf(input, 'tagFilter')
  const found =
    experiment === undefined
      ? await allPages((page) => call('job', 'list', { ...page, ...(project === undefined ? {} : { project }) }))
      : await jobsOfExperiment(exchange, experiment)
  const wanted = found.filter((job) => tags.every((tag) => job.tags.includes(tag)))
  const metricsURL = await metricsAddress(exchange)
  return wanted.map((job) => ({ ...toJob(job), metricsURL }))
}

/** The first is the one whose metrics are read for the experiment. */
async function jobsOfExperiment({ call }: Exchange, reference: string): Promise<Job[]> {
  const { jobs } = await call('experiment', 'show', { experiment: reference })
  return Promise.all(jobs.map(({ id }) => call('job', 'show', { job: id })))
}

async function withAddress(exchange: Exchange, job: ReturnType<typeof toJob>) {
  return { ...job, metricsURL: await metricsAddress(exchange) }
}

const states: Record<JobState, string> = {
  pending: 'Pending',
  running: 'Running',
  succeeded: 'Stopped',
  failed: 'Failed',
  error: 'Error',
  cancelled: 'Cancelled',
  preempted: 'Preempted',
}

/** A job, or a row of a list, in the words of Gradient. */
function toJob(job: Job | JobSummary) {
  const spec = 'spec' in job ? job.spec : undefined
  return {
    id: job.id,
    name: job.name,
    state: states[jobState.parse(job.state)],
    project: job.project.name,
    projectId: job.project.id,
    cluster: 'nabla',
    clusterId,
    machineType: job.machineType,
    container: spec?.image,
    entrypoint: spec?.command ?? ('command' in job ? job.command : undefined),
    workingDirectory: spec?.workingDir,
    artifactsDirectory: spec?.artifactsDir,
    ports: spec?.ports.join(','),
    codeCommit: 'workspace' in job ? job.workspace?.commit : null,
    parentJobId: 'parentJobId' in job ? job.parentJobId : null,
    experimentId: job.experiment?.id ?? null,
    jobError: job.reason,
    exitCode: job.exitCode,
    startedByUserId: job.createdBy.id,
    tags: job.tags,
    dtCreated: job.createdAt,
    dtModified: job.endedAt ?? job.startedAt ?? job.createdAt,
    dtProvisioningStarted: job.startedAt,
    dtProvisioningFinished: job.startedAt,
    dtStarted: job.startedAt,
    dtFinished: job.endedAt,
    dtTeardownStarted: job.endedAt,
    dtTeardownFinished: job.endedAt,
    dtDeleted: null,
    isPublic: false,
    isPreemptible: false,
  }
}
