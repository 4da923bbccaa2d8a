import { z } from 'zod'
import { errorBody } from './errors.ts'
import { id, programText, taskPath, variableName } from './fields.ts'

/**
 * What goes over the WebSocket of `job.exec`. Text messages are JSON of these schemas. Binary messages of the client
 * are what the program reads; those of the server are what it writes, after one byte that is 1 for its output and 2
 * for its errors. With a terminal all of it is output.
 */

const size = {
  columns: z.number().int().min(1).max(1000),
  rows: z.number().int().min(1).max(1000),
}

/** Begins a program in a task. The first message. */
export const execStart = z
  .strictObject({
    type: z.literal('start'),
    argv: z.array(programText.max(100_000)).min(1).max(1000).describe('The program and its arguments; no shell.'),
    tty: z.boolean().default(false).describe('It gets a terminal.'),
    columns: size.columns.default(80),
    rows: size.rows.default(24),
    env: z.record(variableName, programText.max(65_536)).default({}).describe('Beside the variables of the task.'),
    workingDir: taskPath.optional().describe('That of the task if left out.'),
    user: programText.max(100).optional().describe('In images only: name or number. That of the task if left out.'),
  })
  .meta({ id: 'ExecStart' })

export type ExecStart = z.infer<typeof execStart>

/** What a client says. */
export const execRequest = z.discriminatedUnion('type', [
  execStart,
  z.strictObject({
    type: z.literal('attach'),
    session: id.describe('A program whose connection was lost, within some minutes.'),
    received: z.number().int().min(0).describe('Bytes of it that have arrived: what follows is sent again.'),
  }),
  z.strictObject({ type: z.literal('resize'), ...size }),
  z.strictObject({ type: z.literal('eof') }).describe('The program has nothing more to read.'),
  z.strictObject({ type: z.literal('end') }).describe('Ends the program.'),
])

export type ExecRequest = z.infer<typeof execRequest>

/** What the server says. */
export const execEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), session: id }),
  z.object({
    type: z.literal('attached'),
    session: id,
    from: z.number().int().describe('Where what follows begins; what lies before is kept no longer.'),
  }),
  z.object({ type: z.literal('exited'), code: z.number().int().describe('128 and the signal, if one ended it.') }),
  z.object({ type: z.literal('failed'), error: errorBody.shape.error }),
])

export type ExecEvent = z.infer<typeof execEvent>

/** First byte of what a program writes. */
export const execChannels = { output: 1, errors: 2 } as const
