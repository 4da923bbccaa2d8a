import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '@nabla/api/client'
import { experimentStates } from '@nabla/api/experiment'
import type { Sweep, Trial } from '@nabla/api/sweep'
import type { Context } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { exitCodeOf } from '../experiment/words.ts'
import { withRetries } from '../job/resume.ts'
import { limits } from '../limits.ts'
import { quoteWord } from '../quote.ts'
import { progressLine, trialLine } from './words.ts'

/**
 * Shows a sweep until it has ended: each trial as it ends, and how far it is. Returns the exit code for the CLI: that of
 * the sweep, or 130 when the user stopped watching; the sweep goes on then.
 */
export async function followSweep(context: Context, sweep: string): Promise<number> {
  const { out, io } = context
  const client = await context.client()
  const watching = new AbortController()
  const ignore = io.onInterrupt(() => watching.abort())
  try {
    const ended = await watch(context, client, sweep, watching.signal)
    const { state, reason } = ended
    out.note(`${progressLine(ended)}${reason === null ? '' : ` · ${reason}`}`)
    if (out.json) await out.value({ sweep: ended })
    return exitCodeOf({ state, exitCode: state === 'failed' ? 1 : 0 })
  } catch (error) {
    if (!watching.signal.aborted) throw error
    out.note(`It goes on. See it with: nabla sweep show ${quoteWord(sweep)}`)
    return exitCodes.interrupted.code
  } finally {
    ignore()
    watching.abort()
  }
}

async function watch(context: Context, client: Client, id: string, signal: AbortSignal): Promise<Sweep> {
  const { out } = context
  const told = new Set<number>()
  let from = 0
  for (;;) {
    const found = await withRetries(
      context,
      async () => {
        const sweep = await client.sweep.show({ sweep: id })
        return { sweep, trials: await trialsFrom(client, id, from) }
      },
      signal,
    )
    for (const trial of found.trials) {
      if (trial.endedAt === null || told.has(trial.number)) continue
      told.add(trial.number)
      if (out.json) await out.value({ trial })
      else await out.line(trialLine(trial, found.sweep))
    }
    while (told.delete(from)) from += 1
    if (experimentStates[found.sweep.state].ended) return found.sweep
    await pause(limits.statusMs, undefined, { signal })
  }
}

async function trialsFrom(client: Client, sweep: string, from: number): Promise<Trial[]> {
  const after = from === 0 ? {} : { after: String(from - 1) }
  return (await client.sweep.trials({ sweep, ...after })).items
}
