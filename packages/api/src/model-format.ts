import { z } from 'zod'
import { sizeBytes } from './fields.ts'
import { type ModelFormat, modelFormats, type ScanVerdict, scanVerdicts } from './model-tables.ts'

export * from './model-tables.ts'

/** What a model file says of itself: read from its headers, and never by running or unpickling anything. */

export const modelFormat = z.enum(Object.keys(modelFormats) as [ModelFormat, ...ModelFormat[]])

export const scanVerdict = z.enum(Object.keys(scanVerdicts) as [ScanVerdict, ...ScanVerdict[]])

/** An input or output. A dimension is a number, a name, or null where any length will do. */
export const modelTensor = z
  .object({
    name: z.string(),
    type: z.string().describe('Such as `float32` or `string`.'),
    shape: z
      .array(z.union([z.number().int(), z.string(), z.null()]))
      .nullable()
      .describe('Null: not known.'),
  })
  .meta({ id: 'ModelTensor' })

export type ModelTensor = z.infer<typeof modelTensor>

/** A tensor of weights, or a layer that holds some. */
export const modelLayer = z
  .object({
    name: z.string(),
    type: z.string().describe('Type of its values, such as `float32`, or kind of layer.'),
    shape: z.array(z.number().int()).nullable(),
    parameters: z.number().int().nullable(),
    sizeBytes: sizeBytes.nullable(),
  })
  .meta({ id: 'ModelLayer' })

export type ModelLayer = z.infer<typeof modelLayer>

export const pickleFinding = z
  .object({
    path: z.string().describe('File, and behind `!` the entry of an archive.'),
    verdict: scanVerdict,
    imports: z.array(z.object({ name: z.string(), verdict: scanVerdict })).describe('What it names, as `module.name`.'),
    reason: z.string().nullable(),
  })
  .meta({ id: 'PickleFinding' })

export type PickleFinding = z.infer<typeof pickleFinding>

/** What a metric was over a whole training: of the finite values, in the order in which they were logged. */
export const metricStatistics = z
  .object({
    count: z.number().int(),
    min: z.number(),
    max: z.number(),
    mean: z.number(),
    median: z.number(),
    variance: z.number().describe('Of the whole population: mean square of the distance to the mean.'),
    deviation: z.number().describe('Standard deviation: root of the variance.'),
  })
  .meta({ id: 'MetricStatistics' })

export type MetricStatistics = z.infer<typeof metricStatistics>

export const interpretation = z
  .object({
    format: modelFormat,
    path: z.string().nullable().describe('The file that it was read from.'),
    producer: z.string().nullable().describe('What wrote it, with its version.'),
    opsets: z.array(z.object({ domain: z.string(), version: z.number().int() })).describe('Of ONNX.'),
    inputs: z.array(modelTensor),
    outputs: z.array(modelTensor),
    parameters: z.number().int().nullable().describe('How many weights it has; null: not known.'),
    layers: z.array(modelLayer).describe('The first five thousand.'),
    layerCount: z.number().int(),
    hasGraph: z.boolean().describe('Whether there is a graph to be drawn.'),
    details: z.record(z.string(), z.string()).describe('What else it says of itself, in words.'),
    metrics: z
      .array(z.object({ name: z.string(), value: z.number(), statistics: metricStatistics.optional() }))
      .describe('The last value of each, and for those of event files what all of them come to.'),
    pickles: z.array(pickleFinding),
    verdict: scanVerdict,
    warnings: z.array(z.string()).describe('What is odd, or could not be read, in sentences.'),
  })
  .meta({ id: 'ModelInterpretation' })

export type Interpretation = z.infer<typeof interpretation>

export const modelGraph = z
  .object({
    nodes: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        type: z.string().describe('Operator, or kind of layer.'),
        inputs: z.array(z.string()).describe('Ids of the nodes before it.'),
        details: z.record(z.string(), z.string()),
      }),
    ),
    complete: z.boolean().describe('False: there are more nodes than are shown.'),
  })
  .meta({ id: 'ModelGraph' })

export type ModelGraph = z.infer<typeof modelGraph>
