import { z } from 'zod'
import { datasetMount, mountedDataset } from './dataset.ts'
import { displayName, flag, id, programText, sizeBytes, tags, taskPath, time, variableName } from './fields.ts'
import { jobState } from './job-state.ts'
import { imageFields, imageSpec } from './job-image.ts'
import { jobExperiment, jobWorkflow } from './job-parent.ts'
import { jobPackageRoutes } from './job-packages.ts'
import { jobReachRoutes } from './job-reach.ts'
import { logBlock, logLine, logSource } from './log.ts'
import { metricFollow, metricQuery, metricRange, metricTick } from './metric.ts'
import { registryLogin } from './registry.ts'
import { jobModel, modelMount, mountedModel } from './model-reference.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { workspaceSource } from './workspace.ts'

export { exitCodeMeanings, jobCan, type JobState, jobState, jobStates } from './job-state.ts'

const port = z.number().int().min(1024).max(65_535)

/** What a job is made of, before defaults. */
const specFields = {
  command: programText.min(1).max(100_000).describe('A shell command line.'),
  image: programText
    .min(1)
    .max(500)
    .describe('Reference of an image, such as `python:3.13`. `host`: this machine is the image.'),
  ...imageFields,
  machineType: z.string().max(100).optional().describe('See `nabla machine-type list`.'),
  workspace: workspaceSource,
  env: z
    .record(variableName, programText.max(65_536))
    .describe('Environment variables. A value `secret:NAME` is replaced by that secret.'),
  datasets: z.array(datasetMount).max(50).describe('Versions of datasets that it reads in `/data`.'),
  models: z.array(modelMount).max(20).describe('Versions of models that it reads in `/models`.'),
  model: jobModel.nullable().describe('What it leaves as a new version of a model when it succeeds. Null: nothing.'),
  ports: z.array(port).max(20).describe('Ports that the command listens on.'),
  workingDir: taskPath.describe('Where the workspace is and the command starts.'),
  artifactsDir: taskPath.describe('What is in it is kept after the job.'),
  requirements: programText
    .max(1000)
    .nullable()
    .describe('Python requirements file in the workspace, installed when it is there. Null: none.'),
  timeLimitSeconds: z.number().int().min(1).max(31_536_000).nullable().describe('Null: none.'),
  retries: z.number().int().min(0).max(100).describe('How often to start again after a failure.'),
  retryOn: z.enum(['any', 'machine']).describe('`machine`: only when the machine failed it, not when its command did.'),
  priority: z.number().int().min(0).max(100).describe('Higher starts first.'),
}

/** What a job is made of. All but the command has a default. */
export const jobSpec = z
  .strictObject({
    ...specFields,
    image: specFields.image.default('host'),
    ...imageSpec,
    workspace: specFields.workspace.default({ from: 'nothing' }),
    env: specFields.env.default({}),
    datasets: specFields.datasets.default([]),
    models: specFields.models.default([]),
    model: specFields.model.default(null),
    ports: specFields.ports.default([]),
    workingDir: specFields.workingDir.default('/paperspace'),
    artifactsDir: specFields.artifactsDir.default('/artifacts'),
    requirements: specFields.requirements.default('requirements.txt'),
    timeLimitSeconds: specFields.timeLimitSeconds.default(null),
    retries: specFields.retries.default(0),
    retryOn: specFields.retryOn.default('any'),
    priority: specFields.priority.default(50),
  })
  .meta({ id: 'JobSpec' })

export type JobSpec = z.output<typeof jobSpec>

export const jobPhase = z
  .object({
    name: z.enum(['queue', 'files', 'build', 'image', 'create', 'start', 'environment', 'run', 'collect']),
    startedAt: time,
    endedAt: time.nullable(),
    detail: z.string().optional().describe('Of `image`: the image that runs, by its digest.'),
  })
  .meta({ id: 'JobPhase' })

export type JobPhase = z.infer<typeof jobPhase>

export const job = z
  .object({
    id,
    name: displayName,
    project: z.object({ id, name: displayName }),
    state: jobState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    exitCode: z.number().int().nullable(),
    attempt: z.number().int().describe('1 for the first run, one more for each retry.'),
    queue: z
      .object({ position: z.number().int().describe('1 is next.'), why: z.string() })
      .nullable()
      .describe('Its place in the queue and what it waits for; null unless pending.'),
    spec: jobSpec,
    machineType: z.string(),
    workspace: z
      .object({
        id: id.nullable(),
        digest: z.string().nullable(),
        files: z.number().int(),
        sizeBytes,
        commit: z.string().nullable().describe('The commit that was checked out, for a workspace from git.'),
      })
      .nullable(),
    datasets: z
      .array(mountedDataset)
      .describe('The versions that it reads, as they were chosen when it was submitted.'),
    models: z.array(mountedModel).describe('The versions of models that it reads, chosen when it was submitted.'),
    phases: z
      .array(jobPhase)
      .describe('What the last attempt went through, in order. Containers alone have `image`, `create` and `start`.'),
    firstOutputAt: time.nullable().describe('When the last attempt wrote its first line; null: not yet, or nothing.'),
    tags,
    createdBy: z.object({ id, name: displayName }),
    parentJobId: id.nullable().describe('The job that it is a clone of.'),
    experiment: jobExperiment.nullable().describe('The experiment that it is a node of.'),
    workflow: jobWorkflow.nullable().describe('The run of a workflow that it is a part of.'),
    stopRequestedAt: time.nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Job' })

export type Job = z.infer<typeof job>

/** A row of a list: a job without its long fields. */
export const jobSummary = job
  .omit({
    spec: true,
    workspace: true,
    datasets: true,
    models: true,
    phases: true,
    firstOutputAt: true,
    queue: true,
    parentJobId: true,
  })
  .extend({ command: z.string().describe('Its first 200 characters.') })
  .meta({ id: 'JobSummary' })

export type JobSummary = z.infer<typeof jobSummary>

const loginField = registryLogin.optional().describe('For the registry of its image. It is kept sealed, and not shown.')

export const createJob = z.strictObject({
  ...jobSpec.shape,
  name: displayName.optional().describe('Made up if left out.'),
  project: z
    .string()
    .min(1)
    .max(200)
    .describe('Name or id of the project; a name that is not there yet makes the project.'),
  tags: tags.default([]),
  registryLogin: loginField,
})

const { workspace: _, ...changeable } = specFields

/** What may be different in a clone; what is left out stays as it was. */
export const cloneJob = z
  .strictObject(changeable)
  .partial()
  .extend({
    name: displayName.optional(),
    project: z.string().min(1).max(200).optional(),
    tags: tags.optional(),
    registryLogin: loginField,
  })

const byJob = z.object({ job: z.string().min(1).max(200).describe('Id or name of the job; a name means its newest.') })

const logWindow = z.object({
  after: z.coerce.number().int().min(0).optional().describe('Only lines with a greater `seq`.'),
  since: z.string().max(40).optional().describe('Only lines at or after this time (ISO 8601).'),
  source: logSource.optional(),
})

export const jobRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/jobs',
    about: 'The jobs of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
      state: z
        .union([jobState, z.array(jobState).min(1).max(10)])
        .optional()
        .describe('Only those in this state; may be given several times.'),
      tag: z.string().max(60).optional().describe('Only those with this tag.'),
      name: z.string().max(100).optional().describe('Only those whose name begins so.'),
    }),
    response: pageOf(jobSummary),
    errors: ['not_found'],
  }),
  counts: route({
    method: 'GET',
    path: '/api/v1/job-counts',
    about: 'How many jobs there are in each state.',
    access: 'member',
    query: z.object({
      project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
      tag: z.string().max(60).optional().describe('Only those with this tag.'),
      name: z.string().max(100).optional().describe('Only those whose name begins so.'),
    }),
    response: z.object({ total: z.number().int(), byState: z.record(jobState, z.number().int()) }),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/jobs',
    about: 'Submits a job. Once this has answered, the job is stored and will run.',
    access: 'member',
    body: createJob,
    response: job,
    errors: [
      'not_found',
      'unknown_machine_type',
      'image_not_supported',
      'unknown_secret',
      'unknown_registry',
      'unknown_version',
      'unknown_model_version',
      'model_not_allowed',
      'conflict',
      'bad_path',
    ],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/jobs/:job',
    about: 'One job.',
    access: 'member',
    params: byJob,
    response: job,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/jobs/:job',
    about: 'Renames a job, replaces its tags, or changes its priority while it waits.',
    access: 'member',
    params: byJob,
    body: z.strictObject({
      name: displayName.optional(),
      tags: tags.optional(),
      priority: z.number().int().min(0).max(100).optional(),
    }),
    response: job,
    errors: ['not_found', 'conflict'],
  }),
  wait: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/wait',
    about: 'Answers when the job has ended or reached a state, or with its present state after `seconds`.',
    access: 'member',
    params: byJob,
    query: z.object({
      state: jobState.optional().describe('Any state that ends a job, if left out.'),
      seconds: z.coerce.number().min(0).max(60).default(30),
    }),
    response: job,
    errors: ['not_found'],
  }),
  stop: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/stop',
    about: 'Asks a job to end, and kills it and all it started after the grace. Nothing happens if it has ended.',
    access: 'member',
    params: byJob,
    body: z.strictObject({ graceSeconds: z.number().min(0).max(3600).default(10) }),
    response: job,
    errors: ['not_found'],
  }),
  clone: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/clone',
    about: 'Submits the same job again, with the same files, secrets by name and all, but for what is changed here.',
    access: 'member',
    params: byJob,
    body: cloneJob,
    response: job,
    errors: [
      'not_found',
      'unknown_machine_type',
      'image_not_supported',
      'unknown_secret',
      'unknown_registry',
      'unknown_version',
      'unknown_model_version',
      'model_not_allowed',
      'conflict',
    ],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/jobs/:job',
    about: 'Deletes a job with its log and its artifacts.',
    access: 'member',
    params: byJob,
    query: z.object({ force: flag.default(false).describe('Also one that has not ended: it is killed.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  logs: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/logs',
    about: 'Lines of the log, oldest first.',
    access: 'member',
    params: byJob,
    query: logWindow.extend({
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
      tail: z.coerce.number().int().min(0).max(10_000).optional().describe('The last lines instead.'),
    }),
    response: z.object({
      items: z.array(logLine),
      next: z.number().int().describe('Pass it as `after` for what follows.'),
      last: z.number().int().describe('Number of the last line there is.'),
      ended: z.boolean().describe('No more lines will come.'),
    }),
    errors: ['not_found'],
  }),
  searchLogs: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/logs/search',
    about:
      'Lines of the log that hold a text, or that tell of an error. A request looks through so much of a log; until ' +
      '`complete`, ask on from `next`.',
    access: 'member',
    params: byJob,
    query: z.object({
      text: z.string().max(500).optional().describe('What a line must hold; small and capital letters are the same.'),
      errors: flag.default(false).describe('Instead: lines that look like an error, or begin a traceback.'),
      after: z.coerce.number().int().min(0).optional().describe('Only lines with a greater `seq`.'),
      before: z.coerce.number().int().min(0).optional().describe('Only lines with a lesser `seq`, the last first.'),
      source: logSource.optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
    response: z.object({
      items: z.array(logLine),
      next: z.number().int().describe('Pass it as `after`, or as `before`, to look on.'),
      last: z.number().int().describe('Number of the last line there is.'),
      complete: z.boolean().describe('There was nothing more to look through.'),
    }),
    errors: ['not_found'],
  }),
  followLogs: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/logs/stream',
    about: 'The log as it is written, until the job has ended. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byJob,
    query: logWindow,
    response: { stream: 'events', event: logBlock },
    errors: ['not_found'],
  }),
  downloadLogs: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/logs/raw',
    about: 'The output of the job, byte for byte, with secrets masked.',
    access: 'member',
    params: byJob,
    query: z.object({ source: logSource.optional() }),
    response: { stream: 'bytes', about: 'Plain text.' },
    errors: ['not_found'],
  }),
  ...jobPackageRoutes,
  ...jobReachRoutes,
  metrics: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/metrics',
    about: 'What the job used over time, over all its attempts: processor, memory, disk, network and GPUs.',
    access: 'member',
    params: byJob,
    query: metricQuery,
    response: metricRange,
    errors: ['not_found'],
  }),
  followMetrics: route({
    method: 'GET',
    path: '/api/v1/jobs/:job/metrics/stream',
    about: 'What the job uses, as it is measured, until it has ended. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byJob,
    query: metricFollow,
    response: { stream: 'events', event: metricTick },
    errors: ['not_found'],
  }),
}
