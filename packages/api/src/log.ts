import { z } from 'zod'
import { time } from './fields.ts'

/** Who wrote a line: the command's standard output, its standard error, or Nabla itself. */
export const logSource = z.enum(['stdout', 'stderr', 'system'])

/** One numbered line. `seq` starts at 1 and has no gaps within a job, over all its attempts. */
export const logLine = z
  .object({
    seq: z.number().int(),
    at: time,
    source: logSource,
    text: z.string().describe('Without its line break. Bytes that are not UTF-8 are replaced.'),
    partial: z.boolean().optional().describe('The line goes on in the next one of the same source.'),
  })
  .meta({ id: 'LogLine' })

/** Consecutive lines of one source, as they travel in a stream. */
export const logBlock = z
  .object({
    seq: z.number().int().describe('Number of the first line.'),
    lines: z.number().int(),
    at: time,
    source: logSource,
    text: z.string().describe('The lines, joined by line breaks.'),
    partial: z.boolean().optional().describe('The last line goes on in the next one of the same source.'),
  })
  .meta({ id: 'LogBlock' })

export type LogSource = z.infer<typeof logSource>
export type LogLine = z.infer<typeof logLine>
export type LogBlock = z.infer<typeof logBlock>
