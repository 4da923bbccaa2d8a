import { z } from 'zod'
import { experimentKind, experimentLimits, experimentScheme, experimentState } from './experiment-state.ts'
import { displayName, flag, id, tags, time } from './fields.ts'
import { cloneJob, job, jobSpec } from './job.ts'
import { jobState } from './job-state.ts'
import { logBlock, logLine, logSource } from './log.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { searchSettings } from './search.ts'

export {
  experimentCan,
  type ExperimentKind,
  experimentKind,
  experimentKinds,
  experimentLimits,
  type ExperimentScheme,
  experimentScheme,
  experimentSchemes,
  type ExperimentState,
  experimentState,
  experimentStates,
} from './experiment-state.ts'

const { command: _command, ...common } = jobSpec.shape

/** Nodes that run the same command: `worker`, `ps`, `master` or, with the scheme `none`, any name. */
export const experimentRole = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(30)
      .regex(/^[a-z][a-z0-9-]*$/, 'small letters, digits and hyphens, beginning with a letter')
      .describe('`worker`, `ps`, `master` …'),
    command: cloneJob.shape.command.describe(
      'A shell command line. Workers of MPI may have none: they wait for the master.',
    ),
    image: cloneJob.shape.image.describe('That of the experiment if left out.'),
    machineType: cloneJob.shape.machineType.describe('That of the experiment if left out.'),
    count: z.number().int().min(1).max(experimentLimits.nodes).default(1).describe('How many nodes.'),
    env: jobSpec.shape.env.describe('Added to that of the experiment.'),
  })
  .meta({ id: 'ExperimentRole' })

export type ExperimentRole = z.output<typeof experimentRole>

const singleSpec = z.strictObject({ kind: z.literal('single'), ...jobSpec.shape })

const multiNodeSpec = z.strictObject({
  kind: z.literal('multi-node'),
  scheme: experimentScheme.describe('How nodes are told of each other.'),
  roles: z.array(experimentRole).min(1).max(experimentLimits.roles),
  startLimitSeconds: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(1800)
    .describe('How long nodes may take from their places to their commands; then the experiment ends.'),
  ...common,
})

const sweepSpec = z.strictObject({
  kind: z.literal('sweep'),
  search: searchSettings,
  command: jobSpec.shape.command
    .optional()
    .describe(
      'What each trial runs; `{{name}}` is replaced by the value of a parameter, `{{args}}` by `--name=value` for all. ' +
        'Left out: programs elsewhere ask for trials.',
    ),
  ...common,
})

/**
 * What an experiment is made of: the fields of a job, and for several nodes their roles. A retry of a multi-node
 * experiment starts all of its nodes again.
 */
export const experimentSpec = z
  .discriminatedUnion('kind', [singleSpec, multiNodeSpec, sweepSpec])
  .meta({ id: 'ExperimentSpec' })

export type ExperimentSpec = z.output<typeof experimentSpec>
export type SingleSpec = z.output<typeof singleSpec>
export type MultiNodeSpec = z.output<typeof multiNodeSpec>
export type SweepSpec = z.output<typeof sweepSpec>

/** One of its jobs. A job is one node of one attempt; that of a single-node experiment has attempts of its own. */
export const experimentJob = z
  .object({
    id,
    name: displayName,
    role: z.string(),
    index: z.number().int().describe('From 0, within its role.'),
    rank: z.number().int().describe('From 0, over all roles.'),
    host: z.string().describe('Name by which the other nodes reach it, such as `worker-0`.'),
    attempt: z.number().int().describe('Of the experiment: 1, one more for each time that it was started again.'),
    state: jobState,
    reason: z.string().nullable(),
    exitCode: z.number().int().nullable(),
    machineType: z.string(),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'ExperimentJob' })

export type ExperimentJob = z.infer<typeof experimentJob>

export const experiment = z
  .object({
    id,
    name: displayName,
    project: z.object({ id, name: displayName }),
    kind: experimentKind,
    scheme: experimentScheme.nullable().describe('Null unless it has several nodes.'),
    state: experimentState,
    reason: z.string().nullable().describe('Why it is in this state, in a sentence, where there is more to say.'),
    exitCode: z.number().int().nullable(),
    attempt: z.number().int().describe('1 for the first start of all nodes, one more for each time it is tried again.'),
    nodes: z.number().int(),
    spec: experimentSpec,
    jobs: z
      .array(experimentJob)
      .describe('Of the last attempt, by rank; those of earlier ones have their logs. Of a sweep: those that run.'),
    datasets: job.shape.datasets,
    cliCommand: z.string().nullable().describe('The command line that it was made with; null if made otherwise.'),
    tags,
    note: z.string().describe('Markdown.'),
    createdBy: z.object({ id, name: displayName }),
    parentExperimentId: id.nullable().describe('The experiment that it is a clone of.'),
    stopRequestedAt: time.nullable(),
    createdAt: time,
    startRequestedAt: time.nullable().describe('When somebody started it.'),
    startedAt: time.nullable().describe('When its first node had its place.'),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Experiment' })

export type Experiment = z.infer<typeof experiment>

/** A row of a list: an experiment without its long fields. */
export const experimentSummary = experiment
  .omit({ spec: true, jobs: true, datasets: true, cliCommand: true, note: true, parentExperimentId: true })
  .extend({ command: z.string().describe('The first 200 characters of the command of its first role.') })
  .meta({ id: 'ExperimentSummary' })

export type ExperimentSummary = z.infer<typeof experimentSummary>

const note = z.string().max(experimentLimits.noteLength).describe('Markdown.')
const cliCommand = z.string().max(100_000).optional().describe('The command line that asks for it, kept as it is.')
const start = z.boolean().default(false).describe('Start it at once.')

const identity = {
  name: displayName.optional().describe('Made up if left out.'),
  project: z
    .string()
    .min(1)
    .max(200)
    .describe('Name or id of the project; a name that is not there yet makes the project.'),
  tags: tags.default([]),
  note: note.default(''),
  start,
  cliCommand,
}

/** An experiment as it is asked for: its spec, and what it is called. */
export const createExperiment = z.discriminatedUnion('kind', [
  singleSpec.extend(identity),
  multiNodeSpec.extend(identity),
  sweepSpec.extend(identity),
])

// Logins of an experiment are stored ones: it may be started long after somebody had typed a password.
const { registryLogin: _login, ...changeable } = cloneJob.shape

/** What may be different in a clone; what is left out stays as it was. */
export const cloneExperiment = z.strictObject({
  ...changeable,
  scheme: experimentScheme.optional(),
  roles: multiNodeSpec.shape.roles.optional().describe('All roles, in place of those it had.'),
  startLimitSeconds: multiNodeSpec.shape.startLimitSeconds.unwrap().optional(),
  search: searchSettings.optional().describe('What a sweep searches, in place of what it did.'),
  note: note.optional(),
  start,
  cliCommand,
})

const byExperiment = z.object({
  experiment: z.string().min(1).max(200).describe('Id or name of the experiment; a name means its newest.'),
})

/** Where a reader of the logs of all jobs is. */
const logCursor = z
  .string()
  .max(10_000)
  .regex(/^[0-9]*([.][0-9]*)*$/, 'the `next` of a page, or the id of an event')

const logWindow = z.object({
  after: logCursor.optional().describe('The `next` of the page before, or the id of the last event.'),
  source: logSource.optional(),
  job: z.string().max(200).optional().describe('Only this one: id, name, or host such as `worker-0`.'),
})

const origin = {
  job: id,
  host: z.string().describe('The node that wrote it, such as `worker-0`; of a single node the name of its job.'),
  attempt: z.number().int().describe('Of the experiment.'),
}

const filters = z.object({
  project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
  tag: z.string().max(60).optional().describe('Only those with this tag.'),
  name: z.string().max(100).optional().describe('Only those whose name begins so.'),
  kind: experimentKind.optional().describe('Only those of this kind.'),
})

export const experimentRoutes = {
  list: route({
    method: 'GET',
    path: '/api/v1/experiments',
    about: 'The experiments of the team, newest first.',
    access: 'member',
    query: pageQuery.extend({
      ...filters.shape,
      state: z
        .union([experimentState, z.array(experimentState).min(1).max(10)])
        .optional()
        .describe('Only those in this state; may be given several times.'),
    }),
    response: pageOf(experimentSummary),
    errors: ['not_found'],
  }),
  counts: route({
    method: 'GET',
    path: '/api/v1/experiment-counts',
    about: 'How many experiments there are in each state.',
    access: 'member',
    query: filters,
    response: z.object({ total: z.number().int(), byState: z.record(experimentState, z.number().int()) }),
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/experiments',
    about: 'Makes an experiment, and starts it if that is asked for. What it is made of never changes afterwards.',
    access: 'member',
    body: createExperiment,
    response: experiment,
    errors: [
      'not_found',
      'unknown_machine_type',
      'image_not_supported',
      'unknown_secret',
      'unknown_version',
      'conflict',
      'bad_path',
      'bad_experiment',
      'disk_full',
    ],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/experiments/:experiment',
    about: 'One experiment.',
    access: 'member',
    params: byExperiment,
    response: experiment,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/experiments/:experiment',
    about: 'Renames an experiment, replaces its tags, or writes its note.',
    access: 'member',
    params: byExperiment,
    body: z.strictObject({ name: displayName.optional(), tags: tags.optional(), note: note.optional() }),
    response: experiment,
    errors: ['not_found'],
  }),
  start: route({
    method: 'POST',
    path: '/api/v1/experiments/:experiment/start',
    about: 'Starts an experiment that was only made. Nothing happens if it was started before.',
    access: 'member',
    params: byExperiment,
    response: experiment,
    errors: ['not_found'],
  }),
  stop: route({
    method: 'POST',
    path: '/api/v1/experiments/:experiment/stop',
    about: 'Asks all of its jobs to end, and kills them after the grace. Nothing happens if it has ended.',
    access: 'member',
    params: byExperiment,
    body: z.strictObject({ graceSeconds: z.number().min(0).max(3600).default(10) }),
    response: experiment,
    errors: ['not_found', 'conflict'],
  }),
  clone: route({
    method: 'POST',
    path: '/api/v1/experiments/:experiment/clone',
    about:
      'Makes the same experiment again, with the same files and versions of data, but for what is changed here. ' +
      'Without changes and with `start`, that is running it again.',
    access: 'member',
    params: byExperiment,
    body: cloneExperiment,
    response: experiment,
    errors: [
      'not_found',
      'unknown_machine_type',
      'image_not_supported',
      'unknown_secret',
      'unknown_version',
      'conflict',
      'bad_path',
      'bad_experiment',
      'disk_full',
    ],
  }),
  wait: route({
    method: 'GET',
    path: '/api/v1/experiments/:experiment/wait',
    about: 'Answers when the experiment has ended or reached a state, or with its present state after `seconds`.',
    access: 'member',
    params: byExperiment,
    query: z.object({
      state: experimentState.optional().describe('Any state that ends an experiment, if left out.'),
      seconds: z.coerce.number().min(0).max(60).default(30),
    }),
    response: experiment,
    errors: ['not_found'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/experiments/:experiment',
    about: 'Deletes an experiment with its jobs, their logs and their artifacts.',
    access: 'member',
    params: byExperiment,
    query: z.object({ force: flag.default(false).describe('Also one that has not ended: it is killed.') }),
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  logs: route({
    method: 'GET',
    path: '/api/v1/experiments/:experiment/logs',
    about: 'Lines of the logs of all its jobs, oldest first.',
    access: 'member',
    params: byExperiment,
    query: logWindow.extend({
      limit: z.coerce.number().int().min(1).max(10_000).default(1000),
      tail: z.coerce.number().int().min(0).max(10_000).optional().describe('The last lines instead.'),
    }),
    response: z.object({
      items: z.array(logLine.extend(origin)),
      next: z.string().describe('Pass it as `after` for what follows.'),
      ended: z.boolean().describe('No more lines will come.'),
    }),
    errors: ['not_found'],
  }),
  followLogs: route({
    method: 'GET',
    path: '/api/v1/experiments/:experiment/logs/stream',
    about: 'The logs of all its jobs as they are written, until it has ended. Resume with Last-Event-ID or `after`.',
    access: 'member',
    params: byExperiment,
    query: logWindow,
    response: { stream: 'events', event: logBlock.extend(origin) },
    errors: ['not_found'],
  }),
}
