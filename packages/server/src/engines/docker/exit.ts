import { constants } from 'node:os'

import type { TaskExit } from '../engine.ts'
import type { Marks, TaskRecord } from './records.ts'

/** How a container came to its end, as the daemon tells. */
export interface ContainerEnd {
  code: number
  oomKilled: boolean
}

const GiB = 2 ** 30

/**
 * What to make of an end. `lastError` and `lastSystem` are the last lines of those outputs.
 *
 * A shell says of a command that a signal ended no more than 128 and its number, and so do we; a command that exits with
 * such a number itself is taken for one that was ended by the signal.
 */
export function exitOf(
  end: ContainerEnd,
  marks: Marks,
  record: TaskRecord,
  memoryBytes: number,
  last: { error: string; system: string },
): TaskExit {
  const { code } = end
  const given = `${Number((memoryBytes / GiB).toPrecision(4))} GiB of memory it was given`
  const lacked = end.oomKilled || marks.oomKills > 0
  if (record.killed && !marks.done) {
    const reason = `It did not end within ${(record.graceMs ?? 0) / 1000} s of being told to, and was killed.`
    return { cause: 'signal', code: 128 + constants.signals.SIGKILL, reason, blame: 'user' }
  }
  if (code === 128 + constants.signals.SIGKILL && lacked) {
    const reason = `It used more than the ${given}, and was killed. Choose a larger machine type.`
    return { cause: 'oom', code, reason, blame: 'user' }
  }
  if (marks.failed) {
    const reason = `The Python packages of the requirements file could not be installed${because(last.system)}`
    return { cause: 'setup', code: null, reason, blame: 'user' }
  }
  const toldByOthers = marks.term && record.killAt === undefined && code !== 0
  if (!marks.done || toldByOthers) return { cause: 'lost', code: null, reason: killedFromOutside, blame: 'machine' }
  if (record.killAt !== undefined && marks.runAt === undefined) {
    return { cause: 'signal', code, reason: 'It was stopped before its command began.', blame: 'user' }
  }
  const reason = lacked && code !== 0 ? `A process of it used more than the ${given}, and was killed.` : undefined
  const name = signalOf(code)
  if (name) return { cause: 'signal', code, reason: reason ?? `It was ended by ${name}.`, blame: 'user' }
  const why = reason ?? shellReason(code, last.error)
  return { cause: 'exit', code, blame: 'user', ...(why === undefined ? {} : { reason: why }) }
}

const killedFromOutside =
  'Its container was killed from outside: the container engine or the machine was restarted, or somebody stopped it.'

/** How a task ends whose container is gone. */
export const removedOutside: TaskExit = {
  cause: 'lost',
  code: null,
  reason: 'Its container was removed from outside.',
  blame: 'machine',
}

/** How a task ends that ran, or was about to, when the machine did. */
export const machineRestarted: TaskExit = { ...removedOutside, reason: 'The machine was restarted while it ran.' }

/** How a task ends whose container ran without the daemon's knowing. */
export const startedUnseen: TaskExit = {
  ...removedOutside,
  reason: 'The container engine was killed while it started its container, and lost hold of it.',
}

/** How a task ends that was to make an image, and run nothing. */
export const built: TaskExit = { cause: 'exit', code: 0, blame: 'user' }

export const stoppedBefore: TaskExit = {
  cause: 'signal',
  code: 128 + constants.signals.SIGTERM,
  reason: 'It was stopped before its command began.',
  blame: 'user',
}

function signalOf(code: number): string | undefined {
  const entry = Object.entries(constants.signals).find(([, number]) => number === code - 128)
  return code > 128 ? entry?.[0] : undefined
}

function shellReason(code: number, lastError: string): string | undefined {
  if (code === 127) return `The shell did not find a command${because(lastError)}`
  if (code === 126) return `The shell could not execute a command${because(lastError)}`
  return undefined
}

const because = (line: string): string => (line === '' ? '.' : `: ${line}`)

/** A task that could not be started, in a sentence for a person. */
export class SetupFailure extends Error {
  readonly blame: 'user' | 'machine'

  constructor(reason: string, blame: 'user' | 'machine') {
    super(reason)
    this.blame = blame
  }

  get exit(): TaskExit {
    return { cause: 'setup', code: null, reason: this.message, blame: this.blame }
  }
}
