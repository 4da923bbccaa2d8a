import type { Sweep } from '@nabla/api/sweep'
import type { ExperimentState } from '@nabla/api/experiment-state'
import { experimentStates } from '@nabla/api/experiment-states'
import type { Action } from '../../parts/action.ts'
import { type ActedExperiment, experimentActions } from '../experiment/experiment-actions.ts'

type Given = Parameters<typeof experimentActions>[1] & {
  pause: (paused: boolean) => unknown
  more: () => void
}

/** Where the builder stands, filled in from this one; `warm`: it begins with what this one found. */
export const cloneSweepAddress = (id: string, warm = false): string => `/sweeps/new?from=${id}${warm ? '&warm=1' : ''}`

/** What can be done with a sweep: what can be done with any experiment, and what only sweeps have. */
export function sweepActions(sweep: Sweep, experiment: ActedExperiment, given: Given): Action[] {
  const { id, paused } = sweep
  const closed = whyClosed(sweep.state)
  const others = experimentActions(experiment, given)
  const clone = others.findIndex(({ label }) => label === 'Clone with changes')
  const own: Action[] = [
    paused
      ? {
          label: 'Resume',
          icon: 'play',
          command: `sweep resume ${id}`,
          unavailable: closed,
          run: () => given.pause(false),
        }
      : {
          label: 'Pause',
          icon: 'pause',
          command: `sweep pause ${id}`,
          unavailable: closed,
          run: () => given.pause(true),
        },
    {
      label: 'Add trials',
      icon: 'plus',
      command: `sweep update ${id} --trials COUNT --parallel COUNT`,
      unavailable: closed,
      run: given.more,
    },
  ]
  const copies: Action[] = [
    {
      label: 'Clone with changes',
      icon: 'copy',
      command: `experiment clone ${id}`,
      run: () => given.go(cloneSweepAddress(id)),
    },
    {
      label: 'Search on from here',
      icon: 'right',
      command: `sweep run --warm-start ${id}`,
      unavailable: sweep.trials.complete === 0 ? 'It has no complete trial to begin with.' : undefined,
      run: () => given.go(cloneSweepAddress(id, true)),
    },
  ]
  return [...own, ...others.slice(0, clone), ...copies, ...others.slice(clone + 1)]
}

function whyClosed(state: ExperimentState): string | undefined {
  const { ended, label } = experimentStates[state]
  if (ended) return `It has ended: ${label.toLowerCase()}. Search on from here instead.`
  if (state === 'created') return 'Start it first.'
  return state === 'stopping' ? 'It is being stopped.' : undefined
}
