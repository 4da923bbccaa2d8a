import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import type { Experiment } from '@nabla/api/experiment'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { isPassing, withRetries } from '../job/resume.ts'
import { sayWaits, whyJobWaits } from '../job/waiting.ts'
import { limits } from '../limits.ts'
import { quoteWord } from '../quote.ts'
import { formatDuration } from '../terminal/format.ts'
import { NodePrinter } from './node-printer.ts'
import { activityOf, exitCodeOf, hasEnded, signOf, styleOf } from './words.ts'

/**
 * Shows an experiment until it has ended: what it does, the logs of all its nodes, and how it ended. Survives restarts
 * of the server. Returns the exit code for the CLI: that of the experiment, or 130 when the user stopped watching.
 */
export async function followExperiment(context: Context, experiment: Experiment): Promise<number> {
  const { out } = context
  const client = await context.client()
  const watching = new AbortController()
  const printer = new NodePrinter(out, { hosts: experiment.kind === 'multi-node', timestamps: false, wrap: true })
  const ignore = onInterrupts(context, client, experiment, watching)
  const stopStatus = showStatus(context, client, experiment, printer, watching.signal)
  try {
    await printLogs(context, client, { experiment: experiment.id }, printer, watching.signal)
    const ended = await waitForEnd(context, client, experiment.id, watching.signal)
    stopStatus()
    await sayEnd(context, ended)
    return exitCodeOf(ended)
  } catch (error) {
    if (!watching.signal.aborted) throw error
    out.note(`It goes on. See it with: nabla experiment logs --follow ${quoteWord(experiment.name)}`)
    return exitCodes.interrupted.code
  } finally {
    stopStatus()
    ignore()
    watching.abort()
  }
}

interface Window {
  experiment: string
  job?: string
  source?: 'stdout' | 'stderr' | 'system'
}

/** Prints the logs of all nodes until the end; it is resumed where it broke off. */
export async function printLogs(
  context: Context,
  client: Client,
  window: Window,
  printer: NodePrinter,
  signal: AbortSignal,
): Promise<void> {
  await withRetries(
    context,
    async (alive) => {
      const after = printer.place === undefined ? {} : { after: printer.place }
      for await (const { id, data } of client.experiment.followLogs({ ...window, ...after }, { signal })) {
        alive()
        await printer.print(data)
        if (id !== undefined) printer.place = id
      }
      alive()
    },
    signal,
  )
}

/** Waits until it has ended or reached a state, however long that takes. */
export async function waitForEnd(
  context: Context,
  client: Client,
  experiment: string,
  signal?: AbortSignal,
  state?: Experiment['state'],
): Promise<Experiment> {
  const until = { experiment, seconds: limits.waitSeconds, ...(state && { state }) }
  for (;;) {
    const present = await withRetries(
      context,
      async (alive) => {
        const answer = await client.experiment.wait(until, signal ? { signal } : {})
        alive()
        return answer
      },
      signal,
    )
    if (hasEnded(present) || present.state === state) return present
  }
}

async function sayEnd({ io, out }: Context, experiment: Experiment): Promise<void> {
  if (out.json) {
    await out.value({ experiment })
    return
  }
  const { state, exitCode, attempt, reason, createdAt, startedAt, endedAt } = experiment
  const ms = (endedAt === null ? io.now() : Date.parse(endedAt)) - Date.parse(startedAt ?? createdAt)
  const parts = [
    out.styleNote(styleOf(state), `${signOf(state)} ${state}`),
    ...(exitCode === null ? [] : [`exit code ${exitCode}`]),
    formatDuration(ms),
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
  ]
  out.note(parts.join(' · '))
  if (reason !== null) out.note(`  ${reason}`)
}

/** Answers Ctrl-C: the first one asks it to stop, the second only stops watching. Returns what undoes it. */
function onInterrupts({ io, out }: Context, client: Client, { id }: Experiment, watching: AbortController): () => void {
  let asked = false
  return io.onInterrupt(() => {
    if (asked) {
      watching.abort()
      return
    }
    asked = true
    out.note('Stopping the experiment. Press Ctrl-C again to leave without waiting for it.')
    client.experiment.stop({ experiment: id, body: {} }).catch((error: unknown) => {
      out.warn(`it could not be asked to stop: ${error instanceof Error ? error.message : String(error)}`)
    })
  })
}

/**
 * Keeps the status line up to date until a command writes: from then on the logs speak. Where there is none, it is said
 * what the experiment waits for. Returns what ends it.
 */
function showStatus(
  { out }: Context,
  client: Client,
  experiment: Experiment,
  printer: NodePrinter,
  watching: AbortSignal,
): () => void {
  if (!out.canvas) {
    const ask = async (signal: AbortSignal) =>
      whyItWaits(client, await client.experiment.show({ experiment: experiment.id }, { signal }), signal)
    return sayWaits(out, ask, watching)
  }
  const ending = new AbortController()
  const signal = AbortSignal.any([watching, ending.signal])
  const watch = async (): Promise<void> => {
    let present = experiment
    for (let waitMs: number = limits.statusFirstMs; !printer.sawOutput; waitMs = limits.statusMs) {
      const why = await whyItWaits(client, present, signal).catch(passing)
      if (printer.sawOutput) return
      out.status(activityOf(present, why ?? null))
      await pause(waitMs, undefined, { signal })
      present = (await client.experiment.show({ experiment: experiment.id }, { signal }).catch(passing)) ?? present
    }
  }
  watch().catch((error: unknown) => {
    if (!signal.aborted) out.warn(`the state of the experiment is not known: ${String(error)}`)
  })
  return () => {
    ending.abort()
    out.clearStatus()
  }
}

/** What keeps the first node from starting; null: it is not known. Undefined: none waits. */
async function whyItWaits(
  client: Client,
  { state, jobs }: Pick<Experiment, 'state' | 'jobs'>,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  if (state !== 'pending') return undefined
  const first = jobs.find(({ startedAt, endedAt }) => startedAt === null && endedAt === null)
  return first ? ((await whyJobWaits(client, first.id, signal)) ?? null) : null
}

/** The server is gone for a moment; following the logs says so. */
function passing(error: unknown): null {
  if (isPassing(error)) return null
  throw error
}
