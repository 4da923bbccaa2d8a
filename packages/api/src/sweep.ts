import { z } from 'zod'
import { experimentState } from './experiment-state.ts'
import { displayName, id, time } from './fields.ts'
import { pageOf, pageQuery, route } from './route.ts'
import { metricValue } from './run.ts'
import { searchLimits, searchSettings } from './search.ts'
import { parameterName, parameterValue } from './search-space.ts'
import { type TrialState, trialStates } from './trial-states.ts'

export * from './trial-states.ts'

export const trialState = z.enum(Object.keys(trialStates) as [TrialState, ...TrialState[]])

export const trialValues = z.record(parameterName, parameterValue)

export const trial = z
  .object({
    number: z.number().int().describe('From 0, in the order in which they were asked for.'),
    values: trialValues.describe('Of the parameters that its choices leave active.'),
    state: trialState,
    objectives: z.record(z.string(), z.number()).nullable().describe('Values by metric; null if it has none.'),
    step: z.number().int().describe('How far it came.'),
    reason: z.string().nullable(),
    job: id.nullable().describe('The job that runs it; null: a program elsewhere asked for it.'),
    from: z.number().int().nullable().describe('The trial that it carries on from.'),
    cost: z
      .number()
      .nullable()
      .describe('Time of its job at the price of its machine type, once it has ended; null where there is no price.'),
    askedAt: time,
    endedAt: time.nullable(),
  })
  .meta({ id: 'Trial' })

export type Trial = z.infer<typeof trial>

export const sweep = z
  .object({
    id: id.describe('That of the experiment.'),
    name: displayName,
    project: z.object({ id, name: displayName }),
    state: experimentState,
    reason: z.string().nullable(),
    paused: z.boolean(),
    search: searchSettings,
    trials: z.object({
      asked: z.number().int(),
      running: z.number().int(),
      complete: z.number().int(),
      stopped: z.number().int(),
      failed: z.number().int(),
      most: z.number().int().describe('No more than so many are asked for.'),
    }),
    parallel: z.number().int(),
    cost: z
      .object({
        spent: z.number().describe('By all trials until now, those that run included.'),
        perHour: z.number().describe('Price of the machine type when the sweep was made.'),
      })
      .nullable()
      .describe('Null: the machine type has no price.'),
    best: z
      .array(trial)
      .describe('The best trial; with several objectives those that no other dominates, at most 100.'),
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Sweep' })

export type Sweep = z.infer<typeof sweep>

const bySweep = z.object({ sweep: z.string().min(1).max(200).describe('Id or name of the sweep, an experiment.') })

const byTrial = bySweep.extend({ number: z.coerce.number().int().min(0).describe('Number of the trial.') })

export const sweepRoutes = {
  show: route({
    method: 'GET',
    path: '/api/v1/sweeps/:sweep',
    about: 'A sweep: how far it is, and what is best so far.',
    access: 'member',
    params: bySweep,
    response: sweep,
    errors: ['not_found'],
  }),
  update: route({
    method: 'PATCH',
    path: '/api/v1/sweeps/:sweep',
    about: 'Pauses a sweep or lets it go on, or changes how many trials it has in all and at a time.',
    access: 'member',
    params: bySweep,
    body: z.strictObject({
      paused: z.boolean().optional().describe('Running trials end; none begins.'),
      trials: z.number().int().min(1).max(searchLimits.trials).optional(),
      parallel: z.number().int().min(1).max(searchLimits.parallel).optional(),
    }),
    response: sweep,
    errors: ['not_found', 'conflict'],
  }),
  trials: route({
    method: 'GET',
    path: '/api/v1/sweeps/:sweep/trials',
    about: 'The trials of a sweep, in the order in which they were asked for.',
    access: 'member',
    params: bySweep,
    query: pageQuery.extend({
      limit: z.coerce.number().int().min(1).max(10_000).default(1000).describe('Most items in one page.'),
      state: trialState.optional().describe('Only those in this state.'),
    }),
    response: pageOf(trial),
    errors: ['not_found'],
  }),
  ask: route({
    method: 'POST',
    path: '/api/v1/sweeps/:sweep/ask',
    about: 'Takes the next trial, to be run by whoever asks. Once this has answered, the trial is stored.',
    access: 'member',
    params: bySweep,
    response: z.object({
      status: z
        .enum(['trial', 'wait', 'done'])
        .describe('`wait`: paused, or one that runs must end first. `done`: there are no more trials.'),
      trial: trial.nullable(),
    }),
    errors: ['not_found', 'conflict'],
  }),
  report: route({
    method: 'POST',
    path: '/api/v1/sweeps/:sweep/trials/:number/report',
    about: 'Tells the first objective of a running trial at a step. Answers whether the trial should stop.',
    access: 'member',
    params: byTrial,
    body: z.strictObject({ step: z.number().int().min(0), value: metricValue }),
    response: z.object({ stop: z.boolean() }),
    errors: ['not_found', 'conflict'],
  }),
  tell: route({
    method: 'POST',
    path: '/api/v1/sweeps/:sweep/trials/:number/tell',
    about: 'Tells how a trial ended that was asked for here. The same may be told again.',
    access: 'member',
    params: byTrial,
    body: z.strictObject({
      state: z.enum(['complete', 'stopped', 'failed']).default('complete'),
      objectives: z.record(z.string(), metricValue).default({}).describe('Values by metric.'),
      reason: z.string().max(1000).optional().describe('Of one that failed.'),
    }),
    response: trial,
    errors: ['not_found', 'conflict'],
  }),
}
