import { notebookStates } from '@nabla/api/notebook'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { experimentLog } from './experiment-log.ts'
import { count, optional } from './fields.ts'
import { type Exchange, gradientRoute } from './route.ts'
import { workflowLog } from './workflows.ts'

/** A line as the clients know it; they count them, so numbers begin at 1 and have no gaps. */
interface Row {
  line: number
  message: string
  timestamp: string
  jobId?: string
}

/** Lines that follow a line, and whether no more will ever come. */
export interface LogPage {
  rows: Row[]
  ended: boolean
  /** Even the mark of the end is before that line. */
  told: boolean
}

/** The message of the line that ends a log: with it, following stops. */
const endMark = 'PSEOF'

/** Lines of whatever a client names. */
export interface LogSource {
  read(after: number, limit: number): Promise<LogPage>
  /** Resolves when there may be more, or the signal aborts. */
  wait(after: number, signal: AbortSignal): Promise<void>
}

const query = z.object({
  jobId: optional,
  experimentId: optional,
  notebookId: optional,
  deploymentId: optional,
  gradientDeploymentId: optional,
  line: count,
  limit: count,
})

/**
 * Lines after `line`, at most `limit`; the last one of all is the mark of the end. A client that follows asks again at
 * once, so where nothing is new the answer waits for a while.
 */
export const logRoutes = gradientRoute('GET', '/jobs/logs', query, async (exchange) => {
  const { input, signal } = exchange
  const source = await sourceOf(exchange)
  const after = input.line ?? 0
  const limit = Math.min(Math.max(input.limit ?? 2000, 1), limits.logPageLines)
  const first = await source.read(after, limit)
  if (first.told) return []
  if (first.rows.length > 0 || first.ended) return withEnd(first, after, limit)
  await waitFor(exchange, (until) => source.wait(after, until), signal)
  return withEnd(await source.read(after, limit), after, limit)
})

function withEnd({ rows, ended }: LogPage, after: number, limit: number): Row[] {
  if (!ended || rows.length >= limit) return rows
  const last = rows.at(-1)
  return [...rows, { line: (last?.line ?? after) + 1, message: endMark, timestamp: last?.timestamp ?? '' }]
}

async function sourceOf(exchange: Exchange<z.output<typeof query>>): Promise<LogSource> {
  const { experimentId, jobId, notebookId, deploymentId, gradientDeploymentId } = exchange.input
  const deployment = deploymentId ?? gradientDeploymentId
  if (notebookId !== undefined) return notebookLog(exchange, notebookId)
  if (deployment !== undefined) return deploymentLog(exchange, deployment)
  if (experimentId !== undefined) return experimentLog(exchange, experimentId)
  if (jobId !== undefined) return workflowLog(exchange, jobId) ?? jobLog(exchange, jobId)
  throw new AppError('invalid', { detail: 'Say whose log: give --id.' })
}

function jobLog({ call }: Exchange, job: string): LogSource {
  return {
    async read(after, limit) {
      const page = await call('job', 'logs', { job, after, limit })
      const rows = page.items.map(({ seq, text, at }) => ({ line: seq, message: text, timestamp: at, jobId: job }))
      const ended = page.ended && (rows.at(-1)?.line ?? after) >= page.last
      return { rows, ended, told: ended && after > page.last }
    },
    async wait(after, signal) {
      const { events } = await call('job', 'followLogs', { job, after, signal })
      for await (const _ of events) return
    },
  }
}

function notebookLog({ call }: Exchange, notebook: string): LogSource {
  return {
    async read(after, limit) {
      const { state } = await call('notebook', 'show', { notebook })
      const page = await call('notebook', 'logs', { notebook, after, limit })
      const rows = page.items.map(({ seq, text, at }) => ({ line: seq, message: text, timestamp: at }))
      const ended = !notebookStates[state].active && (rows.at(-1)?.line ?? after) >= page.last
      return { rows, ended, told: ended && after > page.last }
    },
    async wait(after, signal) {
      const { events } = await call('notebook', 'followLogs', { notebook, after, signal })
      for await (const _ of events) return
    },
  }
}

/** That of its newest instance. */
async function deploymentLog({ call }: Exchange, deployment: string): Promise<LogSource> {
  const [newest] = (await call('deployment', 'instances', { deployment })).items
  if (!newest) return { read: async () => ({ rows: [], ended: false, told: true }), wait: async () => undefined }
  const instance = newest.id
  return {
    async read(after, limit) {
      const page = await call('deployment', 'logs', { deployment, instance, after, limit })
      const rows = page.items.map(({ seq, text, at }) => ({ line: seq, message: text, timestamp: at }))
      const ended = page.ended && rows.length < limit
      return { rows, ended, told: ended && after > page.next }
    },
    async wait(after, signal) {
      const { events } = await call('deployment', 'followLogs', { deployment, instance, after, signal })
      for await (const _ of events) return
    },
  }
}

/** Waits until there is more, the client leaves or it has been long enough. */
async function waitFor(
  { deps }: Exchange,
  wait: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const enough = new AbortController()
  const stop = () => enough.abort()
  const cancel = deps.clock.after(limits.gradientPollMs, stop)
  signal.addEventListener('abort', stop)
  try {
    await wait(enough.signal)
  } catch (error) {
    if (!enough.signal.aborted) throw error
  } finally {
    cancel()
    signal.removeEventListener('abort', stop)
    stop()
  }
}
