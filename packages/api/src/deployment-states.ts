/**
 * The states of a deployment. Server, CLI, console and documents read this table. `serving`: requests are answered by
 * at least one instance, or wake one.
 */
export const deploymentStates = {
  stopped: { serving: false, label: 'Stopped', about: 'No instance runs, and none is wanted.' },
  starting: { serving: false, label: 'Starting', about: 'No instance is ready yet.' },
  running: { serving: true, label: 'Running', about: 'As many instances are ready as are wanted.' },
  degraded: { serving: true, label: 'Degraded', about: 'Some instances are ready, but fewer than are wanted.' },
  updating: {
    serving: true,
    label: 'Updating',
    about: 'A new revision is being started; the one before answers until it is ready.',
  },
  sleeping: { serving: true, label: 'Sleeping', about: 'Scaled to zero; the next request wakes an instance.' },
  failed: {
    serving: false,
    label: 'Failed',
    about: 'No instance comes up; the reason says why. They are tried again.',
  },
  stopping: { serving: false, label: 'Stopping', about: 'Its instances finish what they are doing, and end.' },
} as const

export type DeploymentState = keyof typeof deploymentStates

/** In which states an action is allowed. The server refuses it in others, the CLI and the console say so before. */
export const deploymentCan = {
  start: ['stopped', 'stopping'],
  stop: ['starting', 'running', 'degraded', 'updating', 'sleeping', 'failed'],
  delete: ['stopped', 'failed'],
} as const satisfies Record<string, readonly DeploymentState[]>

/** The states of one instance. */
export const instanceStates = {
  pending: { ended: false, label: 'Pending', about: 'Waiting for a place on the machine.' },
  starting: { ended: false, label: 'Starting', about: 'It has its place; it has not said yet that it is ready.' },
  ready: { ended: false, label: 'Ready', about: 'It is sent requests.' },
  unready: {
    ended: false,
    label: 'Not ready',
    about: 'It was ready and does not say so any more: it gets no requests.',
  },
  restarting: { ended: false, label: 'Restarting', about: 'Its command ended; it is started again after a pause.' },
  draining: { ended: false, label: 'Draining', about: 'It gets no new requests and finishes those it has.' },
  ended: { ended: true, label: 'Ended', about: 'It is gone; its log is kept for a while.' },
} as const

export type InstanceState = keyof typeof instanceStates

/** How far the newest revision is. */
export const revisionStates = {
  rolling: { label: 'Rolling out', about: 'Its instances take over one by one.' },
  canary: { label: 'Canary', about: 'It gets a share of the requests until it is promoted or rolled back.' },
  serving: { label: 'Serving', about: 'It answers all requests.' },
  failed: { label: 'Failed', about: 'It did not come up, or did worse than the one before, which goes on answering.' },
  superseded: { label: 'Superseded', about: 'A later one took its place.' },
} as const

export type RevisionState = keyof typeof revisionStates

/** Bounds of one deployment; beyond them a request is refused with a sentence. */
export const deploymentLimits = { instances: 50, noteLength: 100_000 } as const

/** The series of `deployment.metrics`; each has a label `revision`. */
export const deploymentSeries = {
  requestRate: { unit: 'requests/s', about: 'Requests answered, whatever the answer.' },
  errorRate: { unit: 'requests/s', about: 'Answers from 500 on, and requests that got none.' },
  latencyP50: { unit: 'ms', about: 'Half of the answers began sooner.' },
  latencyP95: { unit: 'ms', about: '95 of 100 answers began sooner.' },
  latencyP99: { unit: 'ms', about: '99 of 100 answers began sooner.' },
  outstanding: { unit: 'count', about: 'Requests and sockets under way.' },
  queued: { unit: 'count', about: 'Requests that wait for an instance.' },
  ready: { unit: 'count', about: 'Instances that are ready.' },
} as const satisfies Record<string, { unit: string; about: string }>

export type DeploymentSeries = keyof typeof deploymentSeries
