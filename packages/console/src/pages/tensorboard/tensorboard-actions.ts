import type { Tensorboard } from '@nabla/api/tensorboard'
import { tensorboardCan } from '@nabla/api/tensorboard-states'
import type { Action } from '../../parts/action.ts'

interface Given {
  open: (board: Tensorboard) => unknown
  start: (board: Tensorboard) => unknown
  stop: (board: Tensorboard) => unknown
  remove: (board: Tensorboard) => unknown
}

/** What can be done with one TensorBoard. */
export function tensorboardActions(board: Tensorboard, { open, start, stop, remove }: Given): Action[] {
  const { id, state, address } = board
  const can = (action: keyof typeof tensorboardCan) => (tensorboardCan[action] as readonly string[]).includes(state)
  return [
    {
      label: 'Open',
      icon: 'external',
      command: `tensorboard open ${id}`,
      unavailable:
        address === null
          ? 'At this address the server has no names for what tasks serve: set proxyUrl.'
          : state === 'running'
            ? undefined
            : 'It is not running.',
      run: () => open(board),
    },
    {
      label: 'Start',
      icon: 'play',
      command: `tensorboard open ${id}`,
      unavailable: can('start') ? undefined : 'It is started.',
      run: () => start(board),
    },
    {
      label: 'Stop',
      icon: 'stop',
      command: `tensorboard stop ${id}`,
      unavailable: can('stop') ? undefined : 'It does not run.',
      run: () => stop(board),
    },
    { label: 'Delete', icon: 'trash', danger: true, command: `tensorboard delete ${id}`, run: () => remove(board) },
  ]
}
