/** The rows of deployments; see `tables.ts`. */
export interface DeploymentTables {
  deployments: DeploymentRow
  deploymentRevisions: RevisionRow
  deploymentModels: DeploymentModelRow
  deploymentInstances: InstanceRow
}

export interface DeploymentRow {
  id: string
  teamId: string
  projectId: string
  name: string
  state: string
  reason: string | null
  /** Number of the newest revision: the one that is wanted, unless it has failed. */
  revision: number
  /** The one that answered before, or does still; null until one was ready. */
  servingRevision: number | null
  /** How far the newest is: `rolling`, `canary`, `failed`; null: it is the one that serves. */
  rollout: string | null
  /** Share of the requests for a canary; 0 for a shadow. */
  canaryPercent: number | null
  /** When its newest revision was made to get copies of requests only; null: it is no shadow. */
  shadowAt: string | null
  /** How many instances are wanted while it runs. */
  instances: number
  /** How many the scaler wants; null: it does not scale by itself, or has not decided yet. */
  scaledTo: number | null
  /** Sealed; null: there is none. */
  password: string | null
  note: string
  createdBy: string
  createdAt: string
  updatedAt: string
  /** When somebody started it last; null: it is to be stopped. */
  startedAt: string | null
  /** When the present rollout began, or was changed: what is measured of it counts from then on. */
  rolloutAt: string | null
  /** When it was deleted and its last instance was gone. */
  endedAt: string | null
  deletedAt: string | null
  /** When the loop must look at it again even if nothing changes. */
  wakeAt: string | null
  /** Grows with every change; an update names the version it was decided on. */
  version: number
}

/** Never changes but for how it fares. */
export interface RevisionRow {
  deploymentId: string
  number: number
  /** JSON of the contract's `deploymentSpec`, with versions as they were chosen, and of what a task is made of. */
  spec: string
  workspaceId: string | null
  /** Why it failed; null: it did not. */
  reason: string | null
  failedAt: string | null
  /** Whose log says why. */
  failedInstanceId: string | null
  restoredFrom: number | null
  cliCommand: string | null
  createdBy: string
  createdAt: string
}

/** A version of a model that a revision serves or mounts. */
export interface DeploymentModelRow {
  deploymentId: string
  revision: number
  path: string
  modelId: string
  versionId: string
  name: string
  version: number
  digest: string
}

/** One copy of what a deployment runs: it owns tasks, one after the other. */
export interface InstanceRow {
  id: string
  deploymentId: string
  teamId: string
  projectId: string
  name: string
  revision: number
  state: string
  reason: string | null
  /** What its command listens on. */
  port: number
  restarts: number
  /** Since when it says that it is ready; null: it does not. */
  readyAt: string | null
  /** When it was ready for the first time. */
  firstReadyAt: string | null
  /** Since when its command is to be ended and started again, and why. */
  restartAt: string | null
  restartWhy: string | null
  /** Since when it is to go; how long it may take, and the time when nothing was under way any more. */
  drainAt: string | null
  drainMs: number
  drainedAt: string | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
  deletedAt: string | null
  wakeAt: string | null
  version: number
}
