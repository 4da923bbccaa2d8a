/** The rows of experiments; see `tables.ts`. */
export interface ExperimentTables {
  experiments: ExperimentRow
}

export interface ExperimentRow {
  id: string
  teamId: string
  projectId: string
  name: string
  kind: string
  state: string
  reason: string | null
  exitCode: number | null
  /** How often all nodes have been started. */
  attempt: number
  nodes: number
  /** JSON of the contract's `experimentSpec`, with versions of data as they were chosen. Never changes. */
  spec: string
  workspaceId: string | null
  /** Which addresses and ports its nodes have, of those that the server gives out; null until they are needed. */
  slot: number | null
  cliCommand: string | null
  note: string
  createdBy: string
  parentExperimentId: string | null
  stopRequestedAt: string | null
  stopGraceMs: number
  createdAt: string
  startRequestedAt: string | null
  startedAt: string | null
  endedAt: string | null
  deletedAt: string | null
  /** When the loop must look at it again even if nothing changes. */
  wakeAt: string | null
  /** Grows with every change; an update names the version it was decided on. */
  version: number
}

/** What a job knows of the experiment that it is a node of; all null for a job by itself. */
export interface NodeColumns {
  experimentId: string | null
  nodeRole: string | null
  /** From 0, within its role. */
  nodeIndex: number | null
  /** From 0, over all roles. */
  nodeRank: number | null
  /** Which attempt of the experiment it belongs to. */
  nodeAttempt: number | null
}

/** Those of a job by itself. */
export const noNode: NodeColumns = {
  experimentId: null,
  nodeRole: null,
  nodeIndex: null,
  nodeRank: null,
  nodeAttempt: null,
}
