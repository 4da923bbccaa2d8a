/** The rows of notebooks; see `tables.ts`. */
export interface NotebookTables {
  notebooks: NotebookRow
  notebookVersions: NotebookVersionRow
}

export interface NotebookRow {
  id: string
  teamId: string
  projectId: string
  /** No two notebooks of a project that are not deleted have the same. */
  name: string
  state: string
  reason: string | null
  /** How often it was started: the attempt of its task. */
  session: number
  /** JSON of the contract's `notebookSpec`. */
  spec: string
  machineType: string
  /** A login for the registry of its image, sealed. */
  sealedLogin: string | null
  /** The volume that is `/notebooks`. */
  filesId: string
  /** The volume with what was installed, and settings of Jupyter. */
  environmentId: string
  /** The workspace that the first session copies into `/notebooks`. */
  seedId: string | null
  /** When that was done; until then its files are those of the workspace. */
  seededAt: string | null
  /** When it was asked for the last time that the environment be made anew: a session that finds an older one does. */
  rebuildRequestedAt: string | null
  /** JSON array of what had been installed when the last session ended, as in a requirements file. */
  installed: string
  /** What its public view is called: part of an address that cannot be guessed. */
  shareId: string | null
  sharedAt: string | null
  parentNotebookId: string | null
  fromJobId: string | null
  createdBy: string
  createdAt: string
  /** When somebody used it last: a kernel or a terminal worked, or a page was looked at. */
  lastActivityAt: string | null
  /** JSON of the contract's `notebookActivity`. */
  activity: string | null
  /** When it was said that it is about to stop. */
  warnedAt: string | null
  extendedUntil: string | null
  /** How much its hard limit was moved. */
  extendedMs: number
  /** When it will stop, by what is known now. */
  stopsAt: string | null
  stopRequestedAt: string | null
  stopGraceMs: number
  startRequestedAt: string | null
  startedAt: string | null
  /** When Jupyter itself was started in this session: its packages were there. */
  jupyterAt: string | null
  /** When Jupyter answered for the first time in this session. */
  readyAt: string | null
  /** Null: a session is under way. */
  endedAt: string | null
  deletedAt: string | null
  /** When the loop must look at it again even if nothing changes. */
  wakeAt: string | null
  /** Grows with every change; an update names the version it was decided on. */
  version: number
}

/** The files as a session left them. */
export interface NotebookVersionRow {
  notebookId: string
  /** Number of the session. */
  number: number
  teamId: string
  /** `saving`, `ready` or `failed`. */
  state: string
  /** Why it failed, or what it could not hold. */
  reason: string | null
  /** The volume with the tree; null until it is ready. */
  volumeId: string | null
  digest: string | null
  files: number
  sizeBytes: number
  /** JSON array of what had been installed. */
  packages: string
  startedAt: string | null
  endedAt: string
}
