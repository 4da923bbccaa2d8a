import type { ExperimentState } from '@nabla/api/experiment-state'
import { experimentCan, experimentStates } from '@nabla/api/experiment-states'
import type { Action } from '../../parts/action.ts'
import { newTensorboardAddress } from '../tensorboard/tensorboard-address.ts'

/** What an action has to know of an experiment. */
export interface ActedExperiment {
  id: string
  name: string
  state: ExperimentState
  nodes: number
  tags: readonly string[]
  stopRequestedAt: string | null
}

/** What is opened for an action that asks something first. */
export interface AskedOfExperiment {
  ask: 'stop' | 'delete' | 'change'
  experiment: ActedExperiment
}

interface Given {
  go: (address: string) => void
  ask: (asked: AskedOfExperiment) => void
  start: (experiment: ActedExperiment) => unknown
  rerun: (experiment: ActedExperiment) => unknown
}

/** Where the builder stands, filled in from this one. */
export const cloneAddress = ({ id }: { id: string }): string => `/experiments/new?from=${id}`

/** What can be done with one experiment: in its row, on its page and in the palette. */
export function experimentActions(experiment: ActedExperiment, { go, ask, start, rerun }: Given): Action[] {
  const { id } = experiment
  return [
    {
      label: 'Start',
      icon: 'play',
      command: `experiment start ${id}`,
      unavailable: whyNot('start', experiment),
      run: () => start(experiment),
    },
    {
      label: 'Stop',
      icon: 'stop',
      command: `experiment stop ${id}`,
      unavailable: whyNot('stop', experiment),
      run: () => ask({ ask: 'stop', experiment }),
    },
    { label: 'Run again', icon: 'retry', command: `experiment clone ${id} --start`, run: () => rerun(experiment) },
    {
      label: 'Clone with changes',
      icon: 'copy',
      command: `experiment clone ${id}`,
      run: () => go(cloneAddress(experiment)),
    },
    {
      label: 'TensorBoard',
      icon: 'chart',
      command: `tensorboard create --experiment ${id}`,
      run: () => go(newTensorboardAddress({ experiments: [id] })),
    },
    {
      label: 'Name, tags and note',
      icon: 'edit',
      command: `experiment update ${id} --name NAME --tag TAG --note NOTE`,
      run: () => ask({ ask: 'change', experiment }),
    },
    {
      label: 'Delete',
      icon: 'trash',
      danger: true,
      command: `experiment delete ${id}`,
      unavailable: whyNot('delete', experiment),
      run: () => ask({ ask: 'delete', experiment }),
    },
  ]
}

function whyNot(action: keyof typeof experimentCan, { state, stopRequestedAt }: ActedExperiment): string | undefined {
  if ((experimentCan[action] as readonly ExperimentState[]).includes(state)) {
    return action === 'stop' && stopRequestedAt !== null ? 'It is being stopped.' : undefined
  }
  const { ended, label } = experimentStates[state]
  if (action === 'start') return 'It was started before.'
  if (action === 'delete') return 'Stop it first.'
  return ended ? `It has ended: ${label.toLowerCase()}.` : state === 'created' ? 'It was not started.' : 'It is ending.'
}
