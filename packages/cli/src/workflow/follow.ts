import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import type { WorkflowJob, WorkflowRun } from '@nabla/api/workflow'
import { workflowJobStates } from '@nabla/api/workflow-state'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { NodePrinter } from '../experiment/node-printer.ts'
import { withRetries } from '../job/resume.ts'
import { limits } from '../limits.ts'
import { quoteWord } from '../quote.ts'
import { exitCodeOf, hasEnded, printGraph, signOf } from './words.ts'

/**
 * Shows a run until it has ended: what its jobs write, each line with its job, what becomes of them, and the graph at
 * the end. Survives restarts of the server. Returns the exit code for the CLI: that of the run, or 130 when the user
 * stopped watching; the run goes on then.
 *
 * @param only the one job whose log is shown
 */
export async function followRun(context: Context, run: WorkflowRun, only?: string): Promise<number> {
  const { out, io } = context
  const client = await context.client()
  const watching = new AbortController()
  const ignore = io.onInterrupt(() => watching.abort())
  try {
    const ended = await watch(context, client, run, only, watching.signal)
    if (out.json) await out.value({ run: ended })
    else {
      out.note(`${signOf(ended.state)} ${ended.state}${ended.reason === null ? '' : ` · ${ended.reason}`}`)
      if (only === undefined) await printGraph(context, ended)
    }
    return exitCodeOf(ended)
  } catch (error) {
    if (!watching.signal.aborted) throw error
    const { workflow, number } = run
    out.note(`It goes on. See it with: nabla workflow logs --follow ${quoteWord(workflow.name)} ${number}`)
    return exitCodes.interrupted.code
  } finally {
    ignore()
    watching.abort()
  }
}

async function watch(
  context: Context,
  client: Client,
  run: WorkflowRun,
  only: string | undefined,
  signal: AbortSignal,
): Promise<WorkflowRun> {
  const printer = new NodePrinter(context.out, { hosts: true, timestamps: false, wrap: true })
  const told = new Map<string, string>()
  const logs = new Map<string, Promise<void>>()
  for (;;) {
    const which = { workflow: run.workflow.id, number: run.number }
    const present = await withRetries(context, () => client.workflow.showRun(which, { signal }), signal)
    for (const job of present.jobs) {
      if (only !== undefined && job.name !== only) continue
      if (job.job && !logs.has(job.name)) {
        const log = printLog(context, client, job, printer, signal)
        // It is waited for below; until then it is nobody's.
        log.catch(() => undefined)
        logs.set(job.name, log)
      }
      await tell(context, job, told, logs)
    }
    if (hasEnded(present)) {
      await Promise.all(logs.values())
      return present
    }
    await pause(limits.statusMs, undefined, { signal })
  }
}

/** Says what has become of a job, once for each state, and after its log. */
async function tell(
  { out }: Context,
  job: WorkflowJob,
  told: Map<string, string>,
  logs: ReadonlyMap<string, Promise<void>>,
): Promise<void> {
  const { name, state, reason } = job
  if (told.get(name) === state || state === 'waiting') return
  told.set(name, state)
  if (workflowJobStates[state].ended) await logs.get(name)
  if (out.json) await out.value({ job: { name, state, reason } })
  else out.note(out.styleNote('dim', `${signOf(state)} ${name} ${state}${reason === null ? '' : ` · ${reason}`}`))
}

/** The log of one job until its end; it is resumed where it broke off. */
async function printLog(
  context: Context,
  client: Client,
  { name, job }: WorkflowJob,
  printer: NodePrinter,
  signal: AbortSignal,
): Promise<void> {
  let after = 0
  await withRetries(
    context,
    async (alive) => {
      for await (const { data } of client.job.followLogs({ job: job?.id ?? '', after }, { signal })) {
        alive()
        await printer.print({ ...data, job: job?.id ?? '', host: name, attempt: 1 })
        after = data.seq + data.lines - 1
      }
      alive()
    },
    signal,
  )
}

/** The logs of a run as far as they have come, job after job. */
export async function printLogs(context: Context, client: Client, run: WorkflowRun, only?: string): Promise<void> {
  const printer = new NodePrinter(context.out, { hosts: true, timestamps: false, wrap: false })
  for (const { name, job } of run.jobs) {
    if (!job || (only !== undefined && name !== only)) continue
    for (let after = 0; ;) {
      const page = await client.job.logs({ job: job.id, after, limit: limits.logPageLines })
      for (const line of page.items) await printer.print({ ...line, lines: 1, job: job.id, host: name, attempt: 1 })
      if (page.items.length === 0 || page.next >= page.last) break
      after = page.next
    }
  }
}
