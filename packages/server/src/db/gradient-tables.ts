/** The rows that only old clients of Gradient need; see `tables.ts`. */
export interface GradientTables {
  gradientUploads: GradientUploadRow
  gradientDrafts: GradientDraftRow
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
