import { z } from 'zod'
import { searchSpace } from './search-space.ts'
import { type SearcherName, searchers, searchLimits } from './searchers.ts'

export * from './searchers.ts'

/** How a space is searched: what for, by what rule, and for how long. A sweep is an experiment that has one of these. */

export const objective = z
  .strictObject({
    metric: z.string().min(1).max(250).describe('Name of the metric that trials log; its latest value counts.'),
    direction: z.enum(['minimize', 'maximize']).default('minimize'),
  })
  .meta({ id: 'SearchObjective' })

const names = Object.keys(searchers) as [SearcherName, ...SearcherName[]]
const factor = z.number().min(2).max(100).default(3).describe('One of so many goes on at each rung.')
const firstStep = z.number().int().min(1).default(1).describe('No trial stops before this step.')

/** Rules that stop a trial early, by the first objective. */
export const stopRule = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('asha'), first: firstStep, factor }),
    z
      .strictObject({ type: z.literal('hyperband'), first: firstStep, last: z.number().int().min(2), factor })
      .refine(({ first, last }) => first < last, 'the last step comes after the first'),
    z.strictObject({
      type: z.literal('median'),
      trials: z.number().int().min(1).default(5).describe('Trials that must have come as far.'),
      warmup: z.number().int().min(0).default(0).describe('No trial stops before this step.'),
    }),
  ])
  .meta({ id: 'StopRule' })

const given = z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))

export const searchSettings = z
  .strictObject({
    space: searchSpace,
    objectives: z.array(objective).min(1).max(searchLimits.objectives),
    searcher: z.enum(names).default('tpe'),
    population: z.number().int().min(2).max(1000).default(10).describe('Members, for the searcher `population`.'),
    stopRule: stopRule.nullable().default(null).describe('Null: every trial runs to its end.'),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 48)
      .default(0)
      .describe('The same seed and results give the same trials.'),
    trials: z.number().int().min(1).max(searchLimits.trials).default(100).describe('Most trials.'),
    parallel: z.number().int().min(1).max(searchLimits.parallel).default(1).describe('Most at a time.'),
    timeLimitSeconds: z.number().int().min(1).nullable().default(null).describe('No trial begins after this time.'),
    costLimit: z
      .number()
      .positive()
      .max(1e12)
      .nullable()
      .default(null)
      .describe(
        'No trial begins once the trials have cost so much: the time of their jobs, at the price per hour of their machine type.',
      ),
    mostFailures: z
      .number()
      .int()
      .min(1)
      .default(5)
      .describe('So many failures with none that succeeds between them end the search.'),
    warmStart: z
      .array(z.string().min(1).max(200))
      .max(20)
      .default([])
      .describe('Earlier sweeps, by id or name, whose trials are known from the begin.'),
    first: z
      .array(given)
      .max(searchLimits.given)
      .default([])
      .describe('Values to try before the searcher chooses, such as what is in use now.'),
  })
  .refine(({ searcher, objectives }) => searcher !== 'cma-es' || objectives.length === 1, {
    path: ['objectives'],
    message: 'CMA-ES takes one objective; `tpe` takes several.',
  })
  .refine(({ searcher, objectives }) => searcher !== 'population' || objectives.length === 1, {
    path: ['objectives'],
    message: 'A population is ranked by one objective; `tpe` takes several.',
  })
  .refine(({ stopRule, objectives }) => stopRule === null || objectives.length === 1, {
    path: ['stopRule'],
    message: 'Trials are stopped early by one objective; leave out `stopRule` or all but one objective.',
  })
  .meta({ id: 'SearchSettings' })

export type SearchSettings = z.output<typeof searchSettings>
export type StopRuleSettings = z.output<typeof stopRule>
