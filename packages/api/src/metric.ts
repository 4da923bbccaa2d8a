import { z } from 'zod'
import { time } from './fields.ts'

export * from './metric-series.ts'

const labels = z.record(z.string(), z.string()).describe('Tells series of one name apart, such as `gpu`.')

/** `[time in ms since the epoch, least, mean, most]` of one interval; all null where a gap begins. */
export const metricPoint = z.tuple([z.number(), z.number().nullable(), z.number().nullable(), z.number().nullable()])

export const metricLine = z
  .object({
    name: z.string(),
    unit: z.string().nullable(),
    labels,
    limit: z.number().nullable().describe('What was given, in the same unit, where there is a limit.'),
    last: z.number().describe('The newest value in the range.'),
    min: z.number(),
    avg: z.number(),
    max: z.number(),
    points: z.array(metricPoint).describe('`[time in ms, min, avg, max]`; the values are null where a gap begins.'),
  })
  .meta({ id: 'MetricLine' })

export type MetricLine = z.infer<typeof metricLine>
export type MetricPoint = z.infer<typeof metricPoint>

export const metricRange = z
  .object({
    from: time.nullable().describe('Null when there is nothing.'),
    to: time.nullable().describe('Pass it as `after` to the stream for what follows.'),
    intervalMs: z.number().int().describe('What one point covers.'),
    series: z.array(metricLine),
  })
  .meta({ id: 'MetricRange' })

export type MetricRange = z.infer<typeof metricRange>

/** What was measured at one moment, as it travels in a stream. */
export const metricTick = z
  .object({
    at: time,
    values: z.array(z.object({ name: z.string(), labels, value: z.number() })),
  })
  .meta({ id: 'MetricTick' })

export type MetricTick = z.infer<typeof metricTick>

const moment = z.string().max(40).optional()

/** Which part of the past to read, and how finely. */
export const metricQuery = z.object({
  series: z.string().max(2000).optional().describe('Names, with commas between; all if left out.'),
  from: moment.describe('Time (ISO 8601); the beginning if left out.'),
  to: moment.describe('Time (ISO 8601); the end if left out.'),
  points: z.coerce.number().int().min(2).max(5000).default(500).describe('Most points of one series.'),
})

export const metricFollow = z.object({
  after: moment.describe('Only what is newer (ISO 8601); only what comes from now on if left out.'),
})

const amount = z.object({ taken: z.number(), all: z.number() })

/** What the machine does now, and what of it is given out. */
export const machineUse = z
  .object({
    at: time,
    cpu: z.object({
      usedCores: z.number().nullable(),
      cores: z.number().int(),
      perCore: z.array(z.number()).describe('Percent of each core.'),
    }),
    memory: z.object({ usedBytes: z.number(), totalBytes: z.number() }),
    load: z.array(z.number()).describe('Means of the last 1, 5 and 15 minutes.'),
    disk: z.object({ usedBytes: z.number(), totalBytes: z.number() }).describe('Where the data of the server is.'),
    gpus: z.array(
      z.object({
        index: z.number().int(),
        name: z.string(),
        taken: z.boolean(),
        utilization: z.number().nullable().describe('Percent.'),
        memoryUsedBytes: z.number().nullable(),
        memoryTotalBytes: z.number().nullable(),
        powerWatts: z.number().nullable(),
        temperatureCelsius: z.number().nullable(),
      }),
    ),
    given: z
      .object({ cpus: amount, memoryBytes: amount, gpus: amount })
      .describe('What running tasks hold of what there is to give out.'),
    tasks: z.object({ running: z.number().int(), queued: z.number().int() }),
  })
  .meta({ id: 'MachineUse' })

export type MachineUse = z.infer<typeof machineUse>
