const KiB = 1024
const MiB = 1024 * KiB

/** Bounds of notebooks and of what stands between them and browsers, each with its reason: a part of `limits.ts`. */
export const jupyterLimits = {
  /** Jupyter has to answer so soon after it was started: what Gradient gave it. A slow disk takes 30 s when cold. */
  notebookAnswerMs: 120_000,
  /** Packages of a notebook have to be installed by then: the largest take minutes on a slow line. */
  notebookPackagesMs: 30 * 60_000,
  /** Between questions to a Jupyter that is being started, and how long each may take. */
  notebookAskMs: 100,
  notebookAskTimeoutMs: 5000,
  /** What a Jupyter is given to end by itself; it saves nothing by then. */
  notebookGraceMs: 10_000,
  /** It is said so long before that a notebook is about to stop; and no less than so long, however late that is. */
  notebookWarningMs: 5 * 60_000,
  notebookLeastWarningMs: 60_000,
  /** A notebook that was not seen for this long is not known to be unused. Above how often that is written down. */
  notebookLookStaleMs: 150_000,
  notebookActivityMs: 60_000,
  /** How long a start waits for the session before to have ended. */
  notebookStopWaitMs: 30_000,
  /** Packages that are listed of one notebook, and what is read beside each. */
  notebookPackages: 5000,
  notebookAboutBytes: 64 * KiB,
  /** Notebook files among which the one is that a shared notebook shows at first; each may have a copy before it. */
  notebookShared: 200,
  /** Names looked at for one that is free. */
  notebookNames: 1000,
  /** Outputs of one run of a cell that are kept for a page to come; a file with more opens slowly anywhere. */
  jupyterOutputBytes: 32 * MiB,
  jupyterOutputs: 10_000,
  /** One text of output: beyond it the middle is left out. */
  jupyterStreamBytes: 4 * MiB,
  /** Runs of cells of one kernel whose outputs are kept until they are in the file, and all of their outputs. */
  jupyterRuns: 500,
  jupyterKernelBytes: 64 * MiB,
  /** Journal of one kernel beyond which it is written anew, with what still counts. */
  jupyterJournalBytes: 16 * MiB,
  /** Message ids that are remembered, so that what comes twice is taken once. */
  jupyterKnownMessages: 8192,
  /** Messages that are kept for a page whose connection is lost, for how long, and of how many such pages. */
  jupyterMissedBytes: 4 * MiB,
  jupyterMissedMs: 15 * 60_000,
  jupyterMissedPages: 20,
  /** A page whose connection was lost has come back by then: JupyterLab tries for two minutes. */
  jupyterReturnMs: 150_000,
  /** One message of a kernel: a figure or a table of some hundred megabytes is still one. */
  jupyterMessageBytes: 512 * MiB,
  /** What waits for a slow page before the kernel's messages wait too; and how long before the page is cut off. */
  jupyterPendingBytes: 16 * MiB,
  jupyterPendingMs: 30_000,
  /** A request to Jupyter itself; and what it answers. */
  jupyterRequestMs: 15_000,
  jupyterAnswerBytes: 128 * MiB,
  /** Pause before a lost connection to a kernel is tried again, and the longest. */
  jupyterRetryMs: 200,
  jupyterRetryMostMs: 10_000,
  /** Who stops a Jupyter waits so long for what is not in its files yet. */
  jupyterFlushMs: 5_000,
  /** A page that has begun to load the file gets so long to take over what runs, before the file is written again. */
  jupyterPageMs: 20_000,
  /** Pause between two looks at each Jupyter: whether it is used, and which kernels it has. */
  jupyterLookMs: 10_000,
} as const
