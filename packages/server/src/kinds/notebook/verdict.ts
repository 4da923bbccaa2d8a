import type { TaskExit } from '../../engines/engine.ts'
import { limits } from '../../lib/limits.ts'
import type { Task } from '../../tasks/task.ts'
import type { NotebookWant } from './plan.ts'

export interface Verdict {
  state: 'stopped' | 'error'
  reason: string | null
}

/** What a task that ended makes of its notebook: what went wrong where, and what to do. Pure. */
export function verdictOf({ row, spec }: NotebookWant, task: Task): Verdict {
  const exit: TaskExit = task.exit ?? { cause: 'lost', code: null, blame: 'machine' }
  const why = task.stopReason ?? (row.stopRequestedAt === null ? null : 'user')
  if (why !== null && why in stopReasons) return stopReasons[why as keyof typeof stopReasons](spec)
  if (exit.cause === 'oom') return error(`Out of memory: ${exit.reason ?? 'it used more than it was given.'}`)
  if (exit.cause === 'setup') return error(setupReason(task, exit))
  if (exit.cause === 'lost') return error(exit.reason ?? 'The machine lost it. Start it again: its files are there.')
  if (row.readyAt === null) return error(beforeReady(exit))
  if (exit.code === 0) return { state: 'stopped', reason: 'Jupyter was shut down from within.' }
  return error(`Jupyter ended: ${exit.reason ?? `exit code ${exit.code}`}. Start it again: its files are there.`)
}

/** Exit codes of `start`, which `generated.ts` has, and of `prepare.py`, and what they mean. */
const preparationFailures: Record<number, string> = {
  96: 'The files that it begins with could not be copied to /notebooks; its log says why.',
  97: 'There is no Jupyter in its image: neither jupyter-lab nor jupyter-notebook. Use another image, or `host`.',
  98: 'There is no Python in its image. Use one that carries Jupyter, or `host`.',
  99: 'Its packages could not be installed; its log says why. Change them, then start it again.',
}

const stopReasons = {
  user: () => stopped('It was stopped by hand.'),
  idle: ({ idleLimitSeconds }: Limits) => stopped(`It was not used for ${duration(idleLimitSeconds)}.`),
  'time-limit': ({ timeLimitSeconds }: Limits) =>
    stopped(`Its time limit of ${duration(timeLimitSeconds)} was reached.`),
  'no-answer': () =>
    error(
      `Jupyter did not answer within ${limits.notebookAnswerMs / 1000} s. Look into its log, and rebuild its environment if that is broken.`,
    ),
  'no-packages': () =>
    error(
      `Its packages were not installed within ${limits.notebookPackagesMs / 60_000} minutes. Look into its log, and ask for fewer at a time.`,
    ),
  quota: () => error('It was stopped because it went on writing to /storage when the storage of the team was full.'),
}

type Limits = { idleLimitSeconds: number | null; timeLimitSeconds: number | null }

const stopped = (reason: string): Verdict => ({ state: 'stopped', reason })
const error = (reason: string): Verdict => ({ state: 'error', reason })

/** By the phase that it was in. */
function setupReason({ phases }: Task, { reason = 'It could not be set up.' }: TaskExit): string {
  const last = phases.findLast(({ phase }) => phase !== 'collect')?.phase
  if (last === 'environment') return `Its environment could not be made: ${reason}`
  if (last === 'image') return `Its image could not be fetched: ${reason}`
  return reason
}

function beforeReady({ code, reason }: TaskExit): string {
  const known = code === null ? undefined : preparationFailures[code]
  if (known !== undefined) return known
  return `Jupyter ended before it answered (${reason ?? `exit code ${code}`}). Look into its log.`
}

/** Seconds in the largest unit that they are a whole number of. */
function duration(seconds: number | null): string {
  if (seconds === null) return 'a while'
  const units = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const
  const [length, name] = units.find(([length]) => seconds % length === 0) ?? [1, 'second']
  const count = seconds / length
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
