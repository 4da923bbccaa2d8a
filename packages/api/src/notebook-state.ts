/**
 * The states of a notebook. Server, CLI, console and documents read this table. A notebook never ends for good: what is
 * `active` runs, or is about to; anything else can be started.
 */
export const notebookStates = {
  pending: { active: true, label: 'Pending', about: 'Waiting for a place on the machine.' },
  provisioning: {
    active: true,
    label: 'Provisioning',
    about: 'On the machine: getting its files and its environment, until Jupyter answers.',
  },
  running: { active: true, label: 'Running', about: 'Jupyter answers.' },
  stopping: { active: true, label: 'Stopping', about: 'Asked to end; its files are safe.' },
  stopped: { active: false, label: 'Stopped', about: 'Nothing runs. Files and packages are kept.' },
  error: {
    active: false,
    label: 'Error',
    about: 'It could not be started, or ended by itself; the reason says why. Files and packages are kept.',
  },
} as const

export type NotebookState = keyof typeof notebookStates

/** In which states an action is allowed. The server refuses it in others, the CLI and the console say so before. */
export const notebookCan = {
  open: ['provisioning', 'running'],
  start: ['stopped', 'error'],
  stop: ['pending', 'provisioning', 'running'],
  extend: ['provisioning', 'running'],
  rebuild: ['stopped', 'error'],
  delete: ['stopped', 'error'],
} as const satisfies Record<string, readonly NotebookState[]>

/** Bounds of one notebook; beyond them a request is refused with a sentence. */
export const notebookLimits = {
  packages: 200,
  /** Seconds without use after which it stops, unless it is told otherwise. */
  idleLimitSeconds: 3600,
  /** A notebook file that is larger is not shown as cells: it is downloaded. */
  documentBytes: 20 * 1024 * 1024,
  /** The part of it that is answered at a time. */
  cells: 500,
  /** Text of one output beyond which it is cut. */
  outputBytes: 1024 * 1024,
  /** Older versions are deleted when there are more. */
  versions: 100,
} as const

/** The port of Jupyter, in the network of the task. */
export const notebookPort = 8888
