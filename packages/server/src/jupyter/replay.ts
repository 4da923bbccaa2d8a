import { randomUUID } from 'node:crypto'
import type { Json, Output } from './outputs.ts'
import type { Run } from './runs.ts'
import { makeMessage, type WireMessage } from './wire.ts'

/**
 * A run told anew to a page that may have seen any part of it: everything is cleared and then shown as it is, so
 * nothing is missing and nothing stands there twice. A page that has seen its end heeds none of it.
 */
export function replayOf(run: Run, kernelSession: string): WireMessage[] {
  const make = (channel: string, type: string, content: Json, from: From = {}) =>
    about(run, kernelSession, { channel, type, content, ...from })
  const { count, outputs, reply } = run
  const displays = displayIds(run)
  return [
    make('iopub', 'clear_output', { wait: false }),
    ...(count === null ? [] : [make('iopub', 'execute_input', { code: run.code, execution_count: count })]),
    ...outputs.items.map((output, i) => make('iopub', output.output_type, contentOf(output, displays.get(i)))),
    ...(outputs.clearNext ? [make('iopub', 'clear_output', { wait: true })] : []),
    ...(reply ? [make('shell', 'execute_reply', reply.content, reply)] : []),
    ...(run.ended && !reply ? [make('shell', 'execute_reply', aborted(count))] : []),
    ...(run.ended ? [make('iopub', 'status', { execution_state: 'idle' })] : []),
  ]
}

/** Says that the kernel is at work on a run. */
export const busyMessage = (run: Run, kernelSession: string): WireMessage =>
  about(run, kernelSession, { channel: 'iopub', type: 'status', content: { execution_state: 'busy' } })

interface From {
  header?: Json
  metadata?: Json
}

function about(
  run: Run,
  session: string,
  { channel, type, content, header, metadata = {} }: From & { channel: string; type: string; content: Json },
): WireMessage {
  const made = { msg_id: randomUUID(), session, username: 'kernel', date: run.changedAt, version: '5.3' }
  return makeMessage(channel, { header: { ...made, ...header, msg_type: type }, parent: run.header, metadata, content })
}

const aborted = (count: number | null): Json => ({ status: 'aborted', execution_count: count })

function displayIds({ outputs }: Run): Map<number, string> {
  return new Map(Object.entries(outputs.displays).flatMap(([id, places]) => places.map((at) => [at, id] as const)))
}

function contentOf(output: Output, displayId: string | undefined): Json {
  const { output_type: type, ...content } = output
  return displayId === undefined || type === 'stream' ? content : { ...content, transient: { display_id: displayId } }
}
