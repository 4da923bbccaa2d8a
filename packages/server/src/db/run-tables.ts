/** What programs track; see `tables.ts`. */
export interface RunTables {
  runs: RunRow
  runParams: RunTextRow
  runLabels: RunTextRow
  runNames: RunNameRow
  runJournal: RunJournalRow
  runMetrics: RunMetricRow
  runValues: RunValuesRow
  runInputs: RunInputRow
  runEventFiles: RunEventFileRow
  trackedProjects: TrackedProjectRow
  loggedModels: LoggedModelRow
}

export interface RunRow {
  id: string
  teamId: string
  projectId: string
  jobId: string | null
  parentRunId: string | null
  name: string
  state: string
  source: string
  note: string
  createdBy: string
  /** The volume with its files; null: it has none yet, or they are among the artifacts of its job. */
  volumeId: string | null
  startedAt: string
  endedAt: string | null
  /** Hidden, and can be brought back. */
  deletedAt: string | null
}

/** A parameter never changes; a label may. Both have the same columns. */
export interface RunTextRow {
  runId: string
  name: string
  value: string
}

/** A name that runs of a project have, or had while others of its runs are there. */
export interface RunNameRow {
  projectId: string
  kind: 'metric' | 'param' | 'label'
  name: string
}

/** Values of metrics as they came, until they are folded into `runMetrics` and `runValues`. */
export interface RunJournalRow {
  runId: string
  /** Sorts in the order of writing. */
  id: string
  /** JSON of `JournalEntry[]`. */
  body: string
}

export interface RunMetricRow {
  runId: string
  name: string
  /** The latest value; null: not a number. */
  value: number | null
  step: number
  /** Milliseconds since the epoch. */
  at: number
  /** Of those that are numbers; null if none is. */
  least: number | null
  most: number | null
  count: number
  /** JSON of the axes that have levels; null while all values are in `tail`. */
  axes: string | null
  /** Values that are not in `runValues`, packed. */
  tail: string
}

/** A part of the values of one metric, packed: level 0 as logged, others as intervals. */
export interface RunValuesRow {
  runId: string
  name: string
  level: number
  part: number
  body: string
}

/** A dataset that a run read, as its program described it. */
export interface RunInputRow {
  runId: string
  name: string
  digest: string
  /** JSON. */
  about: string
}

/** How far a file of events of TensorBoard has been read into a run. */
export interface RunEventFileRow {
  runId: string
  /** Of the mount in the task and in it: `/artifacts/logs/events.out.tfevents.1`. */
  path: string
  /** Stands before the names of its metrics. */
  prefix: string
  readBytes: number
  /** 1: what follows cannot be read, and is left alone. */
  damaged: number
}

/** What MLflow knows of a project as its experiment, where that is more than the project says. */
export interface TrackedProjectRow {
  projectId: string
  teamId: string
  /** As it was written, which need not be a name of ours. */
  name: string
  /** JSON object. */
  labels: string
  updatedAt: string
  deletedAt: string | null
}

/** A model that a run logged: its files, before anybody registers it. */
export interface LoggedModelRow {
  id: string
  teamId: string
  projectId: string
  runId: string | null
  name: string
  type: string
  state: string
  /** JSON objects. */
  params: string
  labels: string
  volumeId: string | null
  createdBy: string
  createdAt: string
  updatedAt: string
  deletedAt: string | null
}
