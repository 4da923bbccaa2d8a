/** The states of a TensorBoard. Server, CLI, console and documents read this table. */
export const tensorboardStates = {
  starting: { ended: false, label: 'Starting', about: 'It waits for its place, or its packages are being installed.' },
  running: { ended: false, label: 'Running', about: 'It can be opened.' },
  stopping: { ended: false, label: 'Stopping', about: 'It is being ended.' },
  stopped: { ended: true, label: 'Stopped', about: 'Opening it starts it again.' },
  failed: { ended: true, label: 'Failed', about: 'It could not start, or ended by itself; the reason says why.' },
} as const

export type TensorboardState = keyof typeof tensorboardStates

/** In which states an action is allowed. Deleting is allowed in all. */
export const tensorboardCan = {
  start: ['stopped', 'failed'],
  stop: ['starting', 'running'],
} as const satisfies Record<string, readonly TensorboardState[]>

export const tensorboardLimits = {
  /** Jobs and experiments that one is made for. */
  sources: 100,
  /** Folders that it shows at a time: of an experiment with more jobs, those of the newest. */
  folders: 200,
  /** Those of one team that run at a time: each takes a few hundred megabytes that no job is refused for. */
  running: 8,
}
