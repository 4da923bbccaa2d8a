/**
 * The states of a job. Server, CLI and documents read this table.
 * `exitCode` is what `nabla run` and `nabla job wait` exit with; `own` is the exit code of the job itself.
 */
export const jobStates = {
  pending: { ended: false, label: 'Pending', exitCode: null, about: 'Waiting for a place on the machine.' },
  running: {
    ended: false,
    label: 'Running',
    exitCode: null,
    about: 'On the machine: getting its files and environment, running the command, or putting away the results.',
  },
  succeeded: { ended: true, label: 'Succeeded', exitCode: 0, about: 'The command ended with exit code 0.' },
  failed: { ended: true, label: 'Failed', exitCode: 'own', about: 'The command ended with another exit code.' },
  error: {
    ended: true,
    label: 'Error',
    exitCode: 125,
    about: 'It could not be set up, or could not run to its end; the reason says why.',
  },
  cancelled: { ended: true, label: 'Cancelled', exitCode: 130, about: 'Stopped by hand before it ended.' },
  preempted: {
    ended: true,
    label: 'Preempted',
    exitCode: 125,
    about: 'The machine was taken away; log and artifacts are kept.',
  },
} as const

export type JobState = keyof typeof jobStates

/** In which states an action is allowed. The server refuses it in others, the CLI and the console say so before. */
export const jobCan = {
  stop: ['pending', 'running'],
  delete: ['succeeded', 'failed', 'error', 'cancelled', 'preempted'],
} as const satisfies Record<string, readonly JobState[]>

/** What well-known exit codes mean, for the sentence that goes with a failed job. */
export const exitCodeMeanings: Record<number, string> = {
  126: 'the command was found but could not be run; check that the file is executable',
  127: 'the command was not found; check its spelling, and that what it needs is installed',
  137: 'the command was killed (SIGKILL)',
  139: 'the command crashed (segmentation fault)',
  143: 'the command was asked to end (SIGTERM)',
}
