import { z } from 'zod'
import { displayName, id, tags, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { runFileRoutes } from './run-files.ts'
import { runLimits, type RunState, runStates } from './run-states.ts'

export * from './run-states.ts'

export const runState = z.enum(Object.keys(runStates) as [RunState, ...RunState[]])

/** JSON has no words for these three; they travel as text. */
export const metricValue = z
  .union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
  .describe('A number, or one of the texts `NaN`, `Infinity` and `-Infinity`.')

export type MetricValue = z.infer<typeof metricValue>

const metricName = z.string().min(1).max(runLimits.nameLength).describe('Any name; none needs to be declared.')
const step = z.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER)

/** The value with the highest step, the latest of those; what MLflow shows too. */
export const latestMetric = z
  .object({ value: metricValue, step, at: time, min: metricValue, max: metricValue, count: z.number().int() })
  .meta({ id: 'LatestMetric' })

export const run = z
  .object({
    id,
    name: displayName,
    project: z.object({ id, name: displayName }),
    experiment: z.object({ id, name: displayName }).nullable().describe('The experiment that its job belongs to.'),
    job: z.object({ id, name: displayName }).nullable().describe('The job that it ran in; null if it ran elsewhere.'),
    parentRunId: id.nullable().describe('The run that it is a part of.'),
    state: runState,
    source: z.string().describe('Who made it: `job`, `mlflow`, `pushgateway`, `tensorboard` or `api`.'),
    params: z.record(z.string(), z.string()),
    metrics: z.record(z.string(), latestMetric),
    labels: z.record(z.string(), z.string()).describe('Tags with a value, as MLflow has them.'),
    tags,
    note: z.string().describe('Markdown.'),
    createdBy: z.object({ id, name: displayName }),
    startedAt: time,
    endedAt: time.nullable(),
  })
  .meta({ id: 'Run' })

export type Run = z.infer<typeof run>

/**
 * One interval of a metric: `[step, time in ms since the epoch, least, mean, most]`, of its first value the first two.
 * A value that is no number stands alone in its interval.
 */
export const runPoint = z.tuple([z.number(), z.number(), metricValue, metricValue, metricValue])

export type RunPoint = z.infer<typeof runPoint>

export const runCurve = z
  .object({
    run: id,
    metric: metricName,
    count: z.number().int().describe('Values in the range.'),
    points: z.array(runPoint),
  })
  .meta({ id: 'RunCurve' })

export type RunCurve = z.infer<typeof runCurve>

export const loggedMetric = z.strictObject({
  name: metricName,
  value: metricValue,
  step: step.default(0),
  at: time.optional().describe('Now, if left out.'),
})

const byRun = z.object({ run: z.string().min(1).max(200).describe('Id of the run, or of its job.') })

const chosenRuns = z.object({
  project: z.string().max(200).optional().describe('Only those of this project (name or id).'),
  experiment: z.string().max(200).optional().describe('Only those of this experiment.'),
  job: z.string().max(200).optional().describe('Only those of this job.'),
  filter: z
    .string()
    .max(6000)
    .optional()
    .describe('Such as `metrics.loss < 0.1 and params.model = "cnn"`: the language of MLflow’s search.'),
  order: z
    .string()
    .max(1000)
    .optional()
    .describe('Such as `metrics.loss asc, start_time desc`; newest first if left out.'),
})

const curveQuery = z.object({
  from: z.coerce.number().optional().describe('Least step, or with `x=time` least time in ms since the epoch.'),
  to: z.coerce.number().optional().describe('Greatest step or time.'),
  x: z.enum(['step', 'time']).default('step').describe('What the intervals are of.'),
  points: z.coerce.number().int().min(2).max(5000).default(500).describe('Most points of one curve.'),
})

export const runRoutes = {
  ...runFileRoutes,
  list: route({
    method: 'GET',
    path: '/api/v1/runs',
    about: 'The runs of the team that match, with their parameters and latest metrics.',
    access: 'member',
    query: chosenRuns.extend({
      ...pageQuery.shape,
      columns: z
        .string()
        .max(10_000)
        .optional()
        .describe(
          'Only these metrics, parameters and labels, with commas between and written as in an address, such as ' +
            '`metrics.val%2Floss,params.lr`; all if left out.',
        ),
    }),
    response: pageOf(run),
    errors: ['not_found'],
  }),
  columns: route({
    method: 'GET',
    path: '/api/v1/run-columns',
    about: 'The names of metrics, parameters and labels that these runs have, for the columns of a table.',
    access: 'member',
    query: chosenRuns.omit({ order: true }),
    response: z.object({
      runs: z.number().int(),
      metrics: z.array(z.string()),
      params: z.array(z.string()),
      labels: z.array(z.string()),
      complete: z.boolean().describe('There are no more names than these.'),
    }),
    errors: ['not_found'],
  }),
  curves: route({
    method: 'POST',
    path: '/api/v1/run-curves',
    about: 'Curves of chosen metrics of chosen runs, thinned to so many points; reading takes as long for any length.',
    access: 'member',
    body: z.strictObject({
      runs: z.array(id).min(1).max(200),
      metrics: z.array(metricName).min(1).max(100),
      ...curveQuery.shape,
    }),
    response: z.object({ curves: z.array(runCurve) }),
    errors: ['not_found'],
  }),
  export: route({
    method: 'GET',
    path: '/api/v1/run-export',
    about: 'The runs that match as CSV, a row each: parameters, latest metrics and labels.',
    access: 'member',
    query: chosenRuns,
    response: { stream: 'bytes', about: 'CSV (RFC 4180), UTF-8.' },
    errors: ['not_found'],
  }),
  create: route({
    method: 'POST',
    path: '/api/v1/runs',
    about: 'Begins a run for a program that is no job.',
    access: 'member',
    body: z.strictObject({
      project: z.string().min(1).max(200).describe('Name or id; a name that is not there yet makes the project.'),
      name: displayName.optional().describe('Made up if left out.'),
      parentRun: id.optional(),
      tags: tags.default([]),
    }),
    response: run,
    errors: ['not_found', 'conflict'],
  }),
  show: route({
    method: 'GET',
    path: '/api/v1/runs/:run',
    about: 'One run.',
    access: 'member',
    params: byRun,
    response: run,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/runs/:run',
    about: 'Renames a run, writes its note, replaces its tags, or says how it ended.',
    access: 'member',
    params: byRun,
    body: z.strictObject({
      name: displayName.optional(),
      note: z.string().max(runLimits.noteLength).optional(),
      tags: tags.optional(),
      state: runState.optional(),
    }),
    response: run,
    errors: ['not_found', 'conflict'],
  }),
  delete: route({
    method: 'DELETE',
    path: '/api/v1/runs/:run',
    about: 'Deletes a run with all that it tracked. Its job stays.',
    access: 'member',
    params: byRun,
    response: z.object({ deleted: z.literal(true) }),
    errors: ['not_found'],
  }),
  log: route({
    method: 'POST',
    path: '/api/v1/runs/:run/log',
    about: 'Adds values of metrics, parameters and labels. Once this has answered they are stored.',
    access: 'member',
    params: byRun,
    body: z.strictObject({
      metrics: z.array(loggedMetric).max(runLimits.valuesPerRequest).default([]),
      params: z.record(z.string().min(1).max(runLimits.nameLength), z.string().max(runLimits.paramLength)).default({}),
      labels: z.record(z.string().min(1).max(runLimits.nameLength), z.string().max(runLimits.tagLength)).default({}),
    }),
    response: z.object({ logged: z.literal(true) }),
    errors: ['not_found', 'conflict'],
  }),
  history: route({
    method: 'GET',
    path: '/api/v1/runs/:run/history',
    about: 'Every value of one metric as it was logged, in the order of steps.',
    access: 'member',
    params: byRun,
    query: z.object({
      metric: metricName,
      limit: z.coerce.number().int().min(1).max(25_000).default(1000),
      after: z.string().max(200).optional().describe('The `next` of the page before.'),
    }),
    response: pageOf(z.object({ step, at: time, value: metricValue })),
    errors: ['not_found'],
  }),
  follow: route({
    method: 'GET',
    path: '/api/v1/run-stream',
    about: 'What these runs log, as they log it. What was missed is read with `curves`.',
    access: 'member',
    query: z.object({
      runs: z.string().min(1).max(10_000).describe('Ids, with commas between; at most 200.'),
      metrics: z.string().max(10_000).optional().describe('Names, with commas between; all if left out.'),
    }),
    response: {
      stream: 'events',
      event: z.object({
        run: id,
        values: z
          .array(z.tuple([metricName, step, z.number(), metricValue]))
          .describe('`[name, step, time in ms, value]`'),
      }),
    },
    errors: ['not_found'],
  }),
}
