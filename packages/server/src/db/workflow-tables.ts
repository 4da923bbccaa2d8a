/** The rows of workflows; see `tables.ts`. */
export interface WorkflowTables {
  workflows: WorkflowRow
  workflowRuns: WorkflowRunRow
  workflowJobs: WorkflowJobRow
  workflowOutputs: WorkflowOutputRow
}

export interface WorkflowRow {
  id: string
  teamId: string
  projectId: string
  name: string
  /** Number of its newest run. */
  lastRun: number
  createdBy: string
  createdAt: string
  deletedAt: string | null
}

export interface WorkflowRunRow {
  id: string
  teamId: string
  projectId: string
  workflowId: string
  /** That of the workflow when it was begun, with its number: what its jobs are called by. */
  name: string
  number: number
  state: string
  reason: string | null
  /** JSON of the contract's `workflowSpec`. Never changes. */
  spec: string
  /** JSON of `RunInputs`: what the inputs of the workflow are, with versions as they were chosen. Never changes. */
  inputs: string
  /** The run that it is another go of. */
  rerunOf: number | null
  createdBy: string
  stopRequestedAt: string | null
  stopGraceMs: number
  createdAt: string
  startedAt: string | null
  endedAt: string | null
  deletedAt: string | null
  wakeAt: string | null
  version: number
}

/** A job of a run; `name` is that of the spec. */
export interface WorkflowJobRow {
  runId: string
  name: string
  /** Its place in the spec, from 0. */
  position: number
  state: string
  reason: string | null
  /** The job that does it; null: not begun, or done by the server itself. */
  jobId: string | null
  /** The volume with the texts that it reads; null: it reads none, or has not begun. */
  textsId: string | null
  startedAt: string | null
  endedAt: string | null
}

/** An output of a job of a run that is being put away, or is there. */
export interface WorkflowOutputRow {
  id: string
  teamId: string
  runId: string
  job: string
  name: string
  type: string
  state: string
  reason: string | null
  /** JSON of `OutputSource`, sealed: where it comes from. */
  source: string
  /** Of a volume: where its files are kept. */
  volumeId: string | null
  /** Of a string. */
  value: string | null
  /** Of a dataset. */
  versionId: string | null
  /** Of a model, or made by `create-model@v1`. */
  modelVersionId: string | null
  /** Of a dataset or a model: `name:version`. */
  reference: string | null
  digest: string | null
  files: number
  sizeBytes: number
  createdAt: string
  endedAt: string | null
}

/** What a job knows of the run of a workflow that it is a part of; all null for others. */
export interface StepColumns {
  workflowRunId: string | null
  workflowJob: string | null
}

/** Those of a job that no workflow made. */
export const noStep: StepColumns = { workflowRunId: null, workflowJob: null }
