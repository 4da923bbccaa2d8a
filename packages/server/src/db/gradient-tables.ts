/** The rows that only old clients of Gradient need; see `tables.ts`. */
export interface GradientTables {
  gradientUploads: GradientUploadRow
  gradientDrafts: GradientDraftRow
  gradientStorageProviders: GradientStorageProviderRow
  gradientLogPlaces: GradientLogPlaceRow
}

/** Files that were sent to an address before what they are for was made. */
export interface GradientUploadRow {
  /** Key in the address. */
  id: string
  teamId: string
  workspaceId: string
  createdAt: string
}

/** A version of a dataset that is filled file by file; its files are in storage until it is committed. */
export interface GradientDraftRow {
  id: string
  teamId: string
  datasetId: string
  message: string
  /** The version that it became. */
  version: number | null
  createdAt: string
}

/** A bucket of S3 that a team has given a name, with the keys to it. */
export interface GradientStorageProviderRow {
  id: string
  teamId: string
  name: string
  bucket: string
  /** Null: AWS. */
  endpoint: string | null
  region: string | null
  accessKey: string
  sealedSecretKey: string
  createdAt: string
}

/** Where the log of an experiment goes on behind a line: clients know the number of lines only. */
export interface GradientLogPlaceRow {
  experimentId: string
  line: number
  cursor: string
}
