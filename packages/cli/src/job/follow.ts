import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import type { Job } from '@nabla/api/job'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { formatBytes, formatDuration, plural } from '../terminal/format.ts'
import { activityOf, durationOf, exitCodeOf, hasEnded, signOf, styleOf } from './words.ts'
import { limits } from '../limits.ts'
import { LogPrinter } from '../terminal/log-printer.ts'
import { quoteWord } from '../quote.ts'
import { isPassing, withRetries } from './resume.ts'
import { sayWaits, whyJobWaits } from './waiting.ts'

export interface FollowOptions {
  /** What the first Ctrl-C does: ask the job to stop, or leave it alone and only stop watching. */
  onInterrupt: 'stop' | 'detach'
}

/**
 * Shows a job until it has ended: what it does, its log, and how it ended. Survives restarts of the server. Returns
 * the exit code for the CLI: that of the job, or 130 when the user stopped watching.
 */
export async function followJob(context: Context, job: Job, options: FollowOptions): Promise<number> {
  const { out } = context
  const client = await context.client()
  const watching = new AbortController()
  const printer = new LogPrinter(out, { timestamps: false, wrap: (log) => ({ log }) })
  const ignore = onInterrupts(context, client, job, options, watching)
  const stopStatus = showStatus(context, client, job, printer, watching.signal)
  try {
    await printLog(context, client, job.id, printer, watching.signal)
    await printer.finish()
    const ended = await waitForEnd(context, client, job.id, watching.signal)
    stopStatus()
    await sayEnd(context, client, ended)
    return exitCodeOf(ended)
  } catch (error) {
    if (!watching.signal.aborted) throw error
    stopStatus()
    await printer.finish()
    out.note(`The job goes on. See it with: nabla job logs --follow ${quoteWord(job.name)}`)
    return exitCodes.interrupted.code
  } finally {
    stopStatus()
    ignore()
    watching.abort()
  }
}

/** Prints the log of a job until its end; it is resumed where it broke off. */
export async function printLog(
  context: Context,
  client: Client,
  job: string,
  printer: LogPrinter,
  signal: AbortSignal,
  window: { since?: string; source?: 'stdout' | 'stderr' | 'system' } = {},
): Promise<void> {
  await withRetries(
    context,
    async (alive) => {
      const after = printer.last > 0 ? { after: printer.last } : {}
      for await (const { data } of client.job.followLogs({ job, ...window, ...after }, { signal })) {
        alive()
        await printer.print(data)
      }
      alive()
    },
    signal,
  )
}

/** Waits until the job has ended, however long that takes. */
export async function waitForEnd(
  context: Context,
  client: Client,
  job: string,
  signal?: AbortSignal,
  state?: Job['state'],
): Promise<Job> {
  const until = { job, seconds: limits.waitSeconds, ...(state && { state }) }
  for (;;) {
    const present = await withRetries(
      context,
      async (alive) => {
        const answer = await client.job.wait(until, signal ? { signal } : {})
        alive()
        return answer
      },
      signal,
    )
    if (hasEnded(present) || present.state === state) return present
  }
}

/** Says how it ended, and how to get at what it left. */
export async function sayEnd(context: Context, client: Client, job: Job): Promise<void> {
  const { out } = context
  if (out.json) {
    await out.value({ job })
    return
  }
  const parts = [
    out.styleNote(styleOf(job.state), `${signOf(job.state)} ${job.state}`),
    ...(job.exitCode === null ? [] : [`exit code ${job.exitCode}`]),
    formatDuration(durationOf(job, context.io.now())),
    ...(job.attempt > 1 ? [`attempt ${job.attempt}`] : []),
  ]
  out.note(parts.join(' · '))
  if (job.reason !== null) out.note(`  ${job.reason}`)
  const { items, next } = await client.artifact.list({ job: job.id, recursive: 'true', limit: limits.filePageRows })
  const files = items.filter(({ type }) => type !== 'folder')
  if (files.length === 0) return
  const size = formatBytes(files.reduce((sum, file) => sum + file.sizeBytes, 0))
  const count = next === null ? `${plural(files.length, 'artifact')}, ${size}` : `more than ${files.length} artifacts`
  out.note(
    `  ${count}. Get them with:\n  ${out.styleNote('cyan', `nabla job artifacts download ${quoteWord(job.name)}`)}`,
  )
}

/** Answers Ctrl-C while a job is followed. Returns what undoes it. */
function onInterrupts(
  { io, out }: Context,
  client: Client,
  job: Job,
  options: FollowOptions,
  watching: AbortController,
): () => void {
  let asked = options.onInterrupt === 'detach'
  return io.onInterrupt(() => {
    if (asked) {
      watching.abort()
      return
    }
    asked = true
    out.note('Stopping the job. Press Ctrl-C again to leave without waiting for it.')
    client.job.stop({ job: job.id, body: {} }).catch((error: unknown) => {
      out.warn(`the job could not be asked to stop: ${error instanceof Error ? error.message : String(error)}`)
    })
  })
}

/**
 * Keeps the status line of the terminal up to date, until the command itself writes: from then on the log speaks. Where
 * there is none, it is said what the job waits for. Returns what ends it.
 */
function showStatus(
  context: Context,
  client: Client,
  job: Job,
  printer: LogPrinter,
  watching: AbortSignal,
): () => void {
  const { io, out } = context
  if (!out.canvas) return sayWaits(out, (signal) => whyJobWaits(client, job.id, signal), watching)
  const ending = new AbortController()
  const signal = AbortSignal.any([watching, ending.signal])
  const watch = async (): Promise<void> => {
    let present = job
    for (let waitMs: number = limits.statusFirstMs; !printer.sawOutput; waitMs = limits.statusMs) {
      out.status(activityOf(present, io.now()))
      await pause(waitMs, undefined, { signal })
      // Where the server is gone for a moment, following the log says so.
      present = await client.job.show({ job: job.id }, { signal }).catch((error: unknown) => {
        if (isPassing(error)) return present
        throw error
      })
    }
  }
  watch().catch((error: unknown) => {
    if (!signal.aborted) out.warn(`the state of the job is not known: ${String(error)}`)
  })
  return () => {
    ending.abort()
    out.clearStatus()
  }
}
