import type { DeploymentTables } from './deployment-tables.ts'
import type { ExperimentTables, NodeColumns } from './experiment-tables.ts'
import type { GradientTables } from './gradient-tables.ts'
import type { ModelTables } from './model-tables.ts'
import type { NotebookTables } from './notebook-tables.ts'
import type { RunTables } from './run-tables.ts'
import type { SweepTables } from './sweep-tables.ts'
import type { TensorboardTables } from './tensorboard-tables.ts'
import type { StepColumns, WorkflowTables } from './workflow-tables.ts'

/**
 * The rows of the database, as the queries see them: camelCase here, snake_case in SQL. Columns are text, integer or
 * real, so that one schema serves SQLite and PostgreSQL: ids are prefixed text, times ISO 8601 text in UTC, JSON is
 * text that the reader parses, and what would be a boolean is a time or null.
 */
export interface Tables
  extends
    GradientTables,
    NotebookTables,
    ModelTables,
    RunTables,
    ExperimentTables,
    SweepTables,
    TensorboardTables,
    WorkflowTables,
    DeploymentTables {
  users: UserRow
  teams: TeamRow
  members: MemberRow
  keys: KeyRow
  passwords: PasswordRow
  sessions: SessionRow
  signInCodes: SignInCodeRow
  projects: ProjectRow
  jobs: JobRow
  tasks: TaskRow
  volumes: VolumeRow
  tags: TagRow
  secrets: SecretRow
  registries: RegistryRow
  wantedImages: WantedImageRow
  retentionRules: RetentionRuleRow
  datasets: DatasetRow
  datasetVersions: DatasetVersionRow
  datasetTags: DatasetTagRow
  jobDatasets: JobDatasetRow
  events: EventRow
  counters: CounterRow
  leases: LeaseRow
  packs: PackRow
  chunks: ChunkRow
  teamChunks: TeamChunkRow
  trees: TreeRow
}

export interface UserRow {
  id: string
  name: string
  createdAt: string
}

export interface TeamRow {
  id: string
  name: string
  storageQuotaBytes: number | null
  createdAt: string
}

export interface MemberRow {
  teamId: string
  userId: string
  role: string
  addedAt: string
}

/** `hash` is the SHA-256 of the secret: it is 160 random bits, so a slow hash would protect nothing more. */
export interface KeyRow {
  id: string
  userId: string
  teamId: string
  name: string
  prefix: string
  hash: string
  createdAt: string
  lastUsedAt: string | null
  expiresAt: string | null
}

/** `hash` is that of `lib/password.ts`. */
export interface PasswordRow {
  userId: string
  hash: string
  changedAt: string
}

/** One browser that is signed in. `keyId`: the key that it signed in with, and ends with; null for a password. */
export interface SessionRow {
  id: string
  userId: string
  /** The team that it acts in now. */
  teamId: string
  keyId: string | null
  /** SHA-256 of the token in the cookie. */
  hash: string
  /** What the browser says it is, cut short, and where it came from: for people to tell their sessions apart. */
  agent: string
  address: string
  createdAt: string
  lastUsedAt: string
  expiresAt: string
}

/** A code that is good for one sign-in, as the key would be. */
export interface SignInCodeRow {
  hash: string
  userId: string
  teamId: string
  keyId: string
  expiresAt: string
}

export interface ProjectRow {
  id: string
  teamId: string
  name: string
  createdAt: string
  deletedAt: string | null
}

export interface JobRow extends NodeColumns, StepColumns {
  id: string
  teamId: string
  projectId: string
  name: string
  state: string
  reason: string | null
  exitCode: number | null
  attempt: number
  /** JSON of the contract's `jobSpec`. */
  spec: string
  machineType: string
  workspaceId: string | null
  artifactsId: string
  parentJobId: string | null
  createdBy: string
  stopRequestedAt: string | null
  stopGraceMs: number
  /** Why it should stop, where nobody asked for it: `finished`, `peer` or `late`; see the planner of experiments. */
  stopWhy: string | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
  deletedAt: string | null
  /** When the loop must look at it again even if nothing changes. */
  wakeAt: string | null
  /** Grows with every change; an update names the version it was decided on. */
  version: number
}

/** One attempt to run something. `ownerId` is the resource that it belongs to; tasks do not know what that is. */
export interface TaskRow {
  id: string
  teamId: string
  ownerId: string
  attempt: number
  engine: string
  machineType: string
  priority: number
  /** JSON of `TaskRequest`: what to run, before it has a place. */
  request: string
  /** JSON array of the GPU indexes it was given. */
  gpus: string
  /** What should be: `run`, `stop`, or `gone` once nobody needs it any more. */
  desired: string
  stopGraceMs: number
  /** Why it should stop, in the words of whoever asked: `user`, `time-limit`, `quota`. */
  stopReason: string | null
  /** What is: `queued`, `placed`, `running`, `ended`. */
  state: string
  /** JSON of the engine's phases, with `queue` in front and `collect` behind. */
  phases: string
  /** JSON of the engine's `TaskExit`; null until ended. */
  exit: string | null
  createdAt: string
  placedAt: string | null
  startedAt: string | null
  endedAt: string | null
  /** Set when its engine holds nothing of it any more. */
  removedAt: string | null
  version: number
}

export interface VolumeRow {
  id: string
  teamId: string
  /** Chosen by the kind that owns it; the machine room does not read it. */
  purpose: string
  ownerId: string | null
  /** JSON of where the files are fetched from and, once they are, what came: `VolumeOrigin`. Null: not fetched. */
  origin: string | null
  digest: string | null
  /** Digest of the tree of its team that it is. Null: a folder that tasks write to, or files not kept by content. */
  treeDigest: string | null
  files: number
  sizeBytes: number
  createdAt: string
  deletedAt: string | null
}

export interface TagRow {
  teamId: string
  subjectId: string
  tag: string
}

export interface SecretRow {
  id: string
  teamId: string
  /** Empty text: of the whole team. */
  projectId: string
  name: string
  /** AES-256-GCM: nonce, tag and ciphertext in base64. */
  sealed: string
  createdAt: string
  updatedAt: string
}

/** A login for a registry of container images. */
export interface RegistryRow {
  id: string
  teamId: string
  name: string
  /** As it stands in front of images: `docker.io`, `ghcr.io`. */
  host: string
  username: string
  /** The password: AES-256-GCM, as that of secrets. */
  sealed: string
  createdAt: string
  updatedAt: string
}

/** An image that a project wants on the machine before a job asks for it. */
export interface WantedImageRow {
  projectId: string
  image: string
  teamId: string
  createdAt: string
}

/** How long what jobs leave is kept. `projectId` is the empty text for the rule of the whole team. */
export interface RetentionRuleRow {
  teamId: string
  projectId: string
  keepLast: number | null
  keepDays: number | null
  updatedAt: string
}

export interface DatasetRow {
  id: string
  teamId: string
  name: string
  description: string
  /** The highest number that was given out; none is given out twice. */
  lastVersion: number
  createdAt: string
}

export interface DatasetVersionRow {
  id: string
  teamId: string
  datasetId: string
  version: number
  /** `preparing`, `ready` or `failed`. */
  state: string
  reason: string | null
  message: string
  /** Where its files come from, for people. */
  source: string
  /** JSON of the contract's `DatasetSource`, sealed, since it may hold a password; null once it is not needed. */
  sealedSource: string | null
  /** The volume that its files are being taken from, which must stay as long. */
  sourceVolumeId: string | null
  /** Digest of the tree that it adds to. */
  baseDigest: string | null
  /** JSON array of the tags that it gets when it is ready. */
  wantedTags: string
  volumeId: string
  digest: string | null
  files: number
  sizeBytes: number
  createdBy: string
  createdAt: string
  endedAt: string | null
}

export interface DatasetTagRow {
  datasetId: string
  tag: string
  versionId: string
}

/** A version that a job reads. Names and digest are kept for when the version is gone. */
export interface JobDatasetRow {
  jobId: string
  mount: string
  datasetId: string
  versionId: string
  name: string
  version: number
  digest: string | null
}

export interface EventRow {
  seq: number
  at: string
  teamId: string
  projectId: string | null
  subject: string
  type: string
  actor: string | null
  /** JSON object. */
  data: string
}

/** Numbers given out without gaps, in the order of the transactions that took them. */
export interface CounterRow {
  name: string
  value: number
}

export interface LeaseRow {
  name: string
  holder: string
  expiresAt: string
  /** Grows each time the lease changes hands: a late writer of an earlier holder is told by it. */
  token: number
}

/** An object in the store that holds chunks: `packs/` and this id. */
export interface PackRow {
  /** Begins with the time it was made, so that one without a row tells its age. */
  id: string
  sizeBytes: number
  /** Bytes of its chunks that have rows, heads included. */
  liveBytes: number
  createdAt: string
  /** Since when it has held no chunk any more: its object is removed some time later, when nobody still reads it. */
  doomedAt: string | null
  /** What the rows of its chunks will say, in JSON, see `trees/arrivals.ts`; null once they are written. */
  arrived: string | null
}

/** Where a chunk is. The bytes of all teams; whose they are is in `teamChunks`. */
export interface ChunkRow {
  /** SHA-256 in hex. */
  hash: string
  packId: string
  /** Where its frame begins in the pack. */
  offsetBytes: number
  /** Bytes behind the head of the frame. */
  storedBytes: number
  sizeBytes: number
  /** 1: with zstd; 0: not. */
  compressed: number
  /** When a team came to have it for the last time: guards it from being deleted at that moment. */
  usedAt: string
  /** JSON of what `SegmentSummary` says of it, once it has been read as a segment of a tree. */
  summary: string | null
}

/** That a team has a chunk: without this row it can neither read nor use it. */
export interface TeamChunkRow {
  hash: string
  teamId: string
  usedAt: string
  /** Of a segment: when all chunks that it names were last known to be there. */
  markedAt: string | null
}

/** A complete tree of a team. While there is this row, each of its chunks is kept. */
export interface TreeRow {
  teamId: string
  digest: string
  files: number
  sizeBytes: number
  createdAt: string
  usedAt: string
}
