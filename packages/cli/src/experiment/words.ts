import { type Experiment, type ExperimentState, experimentStates } from '@nabla/api/experiment'
import { styleOf as jobStyle } from '../job/words.ts'
import type { Style } from '../terminal/output.ts'

/** How states look, and sentences about an experiment. */

const looks: Record<ExperimentState, { sign: string; style: Style }> = {
  created: { sign: '○', style: 'dim' },
  pending: { sign: '◌', style: 'yellow' },
  provisioning: { sign: '◔', style: 'yellow' },
  running: { sign: '●', style: 'blue' },
  stopping: { sign: '◕', style: 'magenta' },
  succeeded: { sign: '✔', style: jobStyle('succeeded') },
  failed: { sign: '✖', style: 'red' },
  error: { sign: '✖', style: 'red' },
  cancelled: { sign: '■', style: 'magenta' },
}

export const styleOf = (state: ExperimentState): Style => looks[state].style
export const signOf = (state: ExperimentState): string => looks[state].sign
export const hasEnded = ({ state }: Pick<Experiment, 'state'>): boolean => experimentStates[state].ended

/** What `nabla experiment run` and `wait` exit with. One that has not ended has no exit code: 0. */
export function exitCodeOf({ state, exitCode }: Pick<Experiment, 'state' | 'exitCode'>): number {
  const own = experimentStates[state].exitCode
  if (own === 'own') return exitCode ?? 1
  return own ?? 0
}

/** What it does at this moment, for the status line. `waits`: what keeps it from starting, if that is known. */
export function activityOf(experiment: Experiment, waits: string | null): string {
  const { state, jobs, nodes, reason } = experiment
  const up = jobs.filter(({ startedAt }) => startedAt !== null).length
  const count = nodes > 1 && state !== 'pending' ? ` · ${up} of ${nodes} nodes` : ''
  const known = state === 'pending' ? (waits ?? reason) : null
  const why = known === null ? '' : ` · ${known}`
  return `${signOf(state)} ${experimentStates[state].label.toLowerCase()}${count}${why}`
}
