/**
 * The states of a run of a workflow. Server, CLI, console and documents read this table.
 * `exitCode` is what `nabla workflow run` and `nabla workflow logs --follow` exit with.
 */
export const workflowRunStates = {
  pending: { ended: false, label: 'Pending', exitCode: null, about: 'Its first jobs wait for their places.' },
  running: { ended: false, label: 'Running', exitCode: null, about: 'Some of its jobs run, or wait for others.' },
  stopping: { ended: false, label: 'Stopping', exitCode: null, about: 'Jobs that still run are being ended.' },
  succeeded: { ended: true, label: 'Succeeded', exitCode: 0, about: 'All of its jobs succeeded.' },
  failed: { ended: true, label: 'Failed', exitCode: 1, about: 'A job failed; the reason names the first that did.' },
  cancelled: { ended: true, label: 'Cancelled', exitCode: 130, about: 'Stopped by hand before it ended.' },
} as const

export type WorkflowRunState = keyof typeof workflowRunStates

/** The states of a job in a run of a workflow. */
export const workflowJobStates = {
  waiting: { ended: false, label: 'Waiting', about: 'For jobs that it needs.' },
  pending: { ended: false, label: 'Pending', about: 'Its job waits for a place on the machine.' },
  running: { ended: false, label: 'Running', about: 'Its job is on the machine.' },
  collecting: { ended: false, label: 'Collecting', about: 'What it left is being put away.' },
  succeeded: { ended: true, label: 'Succeeded', about: 'Done, and its outputs are there.' },
  failed: { ended: true, label: 'Failed', about: 'Its job failed, or an output could not be kept.' },
  skipped: { ended: true, label: 'Skipped', about: 'A job that it needs did not succeed.' },
  cancelled: { ended: true, label: 'Cancelled', about: 'The run, or its job, was stopped by hand.' },
} as const

export type WorkflowJobState = keyof typeof workflowJobStates

/** In which states an action is allowed. */
export const workflowRunCan = {
  stop: ['pending', 'running'],
  rerun: ['succeeded', 'failed', 'cancelled'],
} as const satisfies Record<string, readonly WorkflowRunState[]>
