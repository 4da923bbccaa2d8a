import { runLimits } from '@nabla/api/run'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { latestMs } from '../../kinds/run/select.ts'

/** Fields of MLflow's messages; 64-bit integers come as numbers or as text, as protobuf's JSON allows. */

const integer = z.coerce.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER)

/** Milliseconds since the epoch. */
export const timestamp = z.coerce.number().int().min(0).max(latestMs)

export const step = integer

/** `NaN` and the infinities come as text. */
export const metricNumber = z.union([z.number(), z.string()]).transform((given, context) => {
  const number = Number(given)
  if (Number.isNaN(number) && given !== 'NaN')
    context.addIssue({ code: 'custom', message: 'a number, NaN or Infinity' })
  return number
})

export const key = z.string().min(1).max(runLimits.nameLength)
export const paramValue = z.string().max(runLimits.paramLength)
export const tagValue = z.string().max(runLimits.noteLength)

export const runId = z.string().min(1).max(200)
export const experimentId = z.coerce.string().min(1).max(200)

export const tagList = z
  .array(z.object({ key, value: tagValue.default('') }))
  .max(1000)
  .default([])

export const paramList = z
  .array(z.object({ key, value: paramValue.default('') }))
  .max(runLimits.paramsPerRun)
  .default([])

export const metric = z.object({
  key,
  value: metricNumber.default(0),
  timestamp: timestamp.optional(),
  step: step.default(0),
})

export const pageToken = z.string().max(500).optional()

export const viewType = z.enum(['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL']).default('ACTIVE_ONLY')

/** One value or several of the same name, as a query has them. */
export const oneOrMore = (most: number) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat())
    .pipe(z.array(z.string().max(200)).min(1).max(most))

export const toMap = (list: readonly { key: string; value: string }[]): Map<string, string> =>
  new Map(list.map(({ key, value }) => [key, value]))

/** Where a page begins that goes on after so many items. */
export function offsetOf(token: string | undefined): number {
  if (token === undefined || token === '') return 0
  if (/^\d{1,12}$/.test(token)) return Number(token)
  throw new AppError('invalid', { detail: 'The page token is not one of those that were given out.' })
}
