/** The rows of models: a part of `Tables`, by the same rules. */
export interface ModelTables {
  models: ModelRow
  modelVersions: ModelVersionRow
  modelAliases: ModelAliasRow
  modelAttributes: ModelAttributeRow
  jobModels: JobModelRow
  modelKeys: ModelKeyRow
  modelSignatures: ModelSignatureRow
  modelRules: ModelRuleRow
}

export interface ModelRow {
  id: string
  teamId: string
  projectId: string | null
  name: string
  notes: string
  /** The highest number that was given out; none is given out twice. */
  lastVersion: number
  createdAt: string
  updatedAt: string
}

export interface ModelVersionRow {
  id: string
  teamId: string
  modelId: string
  version: number
  /** `preparing`, `ready` or `failed`. */
  state: string
  reason: string | null
  type: string | null
  notes: string
  /** Where its files come from, for people. */
  source: string
  /** The volume, and the path in it, that its files are taken from; null where they are a tree already. */
  sourceVolumeId: string | null
  sourcePath: string | null
  /** Digest of the tree that was sent. */
  sourceDigest: string | null
  jobId: string | null
  runId: string | null
  /** JSON of the contract's `ModelLineage`. */
  lineage: string
  /** JSON array of the aliases that it gets when it is ready. */
  wantedAliases: string
  /** JSON array of names and values. */
  metrics: string
  volumeId: string
  digest: string | null
  files: number
  sizeBytes: number
  format: string | null
  parameters: number | null
  verdict: string | null
  /** JSON of the contract's `Interpretation`. */
  interpretation: string | null
  createdBy: string
  createdAt: string
  endedAt: string | null
}

export interface ModelAliasRow {
  modelId: string
  alias: string
  versionId: string
}

/** A word with a value, of a model or a version. */
export interface ModelAttributeRow {
  subjectId: string
  name: string
  value: string
}

/** A version that a job reads. Names and digest are kept for when the version is gone. */
export interface JobModelRow {
  jobId: string
  path: string
  modelId: string
  versionId: string
  name: string
  version: number
  digest: string
}

export interface ModelKeyRow {
  id: string
  teamId: string
  name: string
  /** SPKI in PEM. */
  publicKey: string
  createdAt: string
}

export interface ModelSignatureRow {
  versionId: string
  keyId: string
  signature: string
  signedBy: string
  signedAt: string
}

/** What a project asks of models: `scanned` or `signed`; no row: anything. */
export interface ModelRuleRow {
  projectId: string
  teamId: string
  required: string
}
