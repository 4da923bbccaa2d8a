/** Every bound of the CLI in one place, each with its reason. Sizes in bytes, times in milliseconds. */

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** Part of a file that is read at a time. */
  readBytes: 256 * KiB,
  /** Folders within folders of a workspace, and bytes of a path in it: what the server takes. */
  folderDepth: 250,
  pathBytes: 3072,
  /** Contents that are hashed and asked about together, and how many such slabs there are at a time. */
  slabBytes: 4 * MiB,
  slabs: 3,
  /** Slabs that a thread reads ahead: those that are being asked about, one that waits, and one that is filled beside. */
  slabsAhead: 4,
  /** Contents from which on a thread of its own reads them: to start it takes as long as to read so much. */
  readAsideBytes: 32 * MiB,
  /** Chunks in one slab, so that one question to the server holds them all. */
  slabChunks: 4000,
  /** A changed file from this size on is asked about once, as a whole, and not with each slab: most of it is there. */
  formerFromBytes: 32 * MiB,
  /** Parcels that are under way at a time: enough to keep a line busy while the server syncs others to its disk. */
  parcels: 3,
  /** Chunks below this are sent as they are: a zstd context costs more than it saves. */
  compressFromBytes: 512,
  /** What is compressed of a file to see whether the rest is worth it, and the most that may be left of it. */
  compressTrialBytes: 64 * KiB,
  compressWorthwhile: 0.9,
  /** How long a request waits while nothing comes or goes: a server that unpacks an archive says nothing meanwhile. */
  silenceMs: 5 * 60_000,
  /** Contents from which on a job is checked here before they are sent: to load its schema takes as long as to send less. */
  checkFromBytes: 1 * MiB,
  /** How long an upload waits for a server that went away: a restart takes seconds. */
  uploadRetryForMs: 2 * 60_000,
  /** Times that a call is repeated which the server failed at. */
  failedCalls: 5,
  /** Times that a tree is completed which the server found incomplete at the end. */
  commitAttempts: 4,
  /** Files remembered for one folder (about 150 bytes each), and folders. */
  rememberedFiles: 1_000_000,
  rememberedFolders: 64,
  /**
   * A file that changed less than this before it was read may change again within the same tick of its file system's
   * clock. Ticks of Linux are 10 ms at the most; file systems that keep whole seconds, or two, are known by their times.
   */
  racyMs: 100,
  racyCoarseMs: 2_000,
  /** What was learnt of a folder is written down from so many bytes on, or from one part in so many of its entries. */
  rememberBytes: 1 * MiB,
  rememberedShare: 20,
  /** Bytes read after which what was learnt of a folder is written down, for an upload that is cut. */
  rememberEveryBytes: 4096 * MiB,
  /** Size of a workspace above which the CLI says how to send less. */
  largeWorkspaceBytes: 100_000_000,
  /** Most that a preview reads to learn what the server lacks: seconds. */
  previewReadBytes: 2048 * MiB,
  /** Rows of each table of a preview: all of it fits on a screen. */
  previewRows: 10,
  /** Files of data from this size on, and folders of so many images or sounds, are there by accident more often than not. */
  dataFileBytes: 10_000_000,
  mediaFiles: 1000,
  /** Ignore files larger than this are a mistake. */
  ignoreFileBytes: 1 * MiB,
  /** Paths after which the memory of a matcher of ignore rules is dropped. */
  rulesMemory: 5000,
  /** First and longest pause before the CLI tries again to reach a server that it lost while following. */
  retryFirstMs: 200,
  retryMostMs: 5_000,
  /** How long it keeps trying: a restart takes seconds, an upgrade may take minutes. */
  retryForMs: 10 * 60_000,
  /** When the status line is brought up to date for the first time, and how often after that. */
  statusFirstMs: 150,
  statusMs: 1_000,
  /** Where there is no status line, how often it is asked what a run waits for; one that starts sooner says nothing. */
  waitsMs: 2_000,
  /** Longest time that one `wait` request stays open: the most the server allows. */
  waitSeconds: 60,
  /** Rows asked for at a time: the most the server gives in one page. */
  pageRows: 200,
  filePageRows: 1000,
  logPageLines: 10_000,
  /** Files that differ, of two versions or jobs: as many as the server tells at once. */
  comparedFiles: 10_000,
  logMatches: 1000,
  /** Files that are sent at the same time by `storage put -r`. */
  parallelUploads: 4,
  /** A file up to this size travels in a tar with others, if there are at least so many; at most so many in one. */
  smallFileBytes: 1 * MiB,
  fewFiles: 4,
  tarFiles: 2000,
  tarBytes: 64 * MiB,
  /** A file up to this size is sent in one request, a larger one in parts that the server keeps. */
  wholeBytes: 16 * MiB,
  uploadPartBytes: 64 * MiB,
  /** Part of a large file that is fetched by one request, and how many of them at a time. */
  rangeBytes: 32 * MiB,
  parallelRanges: 4,
  /** Times that a download of a file begins anew which changes meanwhile; the last one takes it as it comes. */
  changedAttempts: 3,
  /** Files whose state at the target is looked at together, and folders that are listed one by one for it. */
  comparedAtOnce: 64,
  listedFolders: 20,
  /** How long shell completion may wait for the server before it offers nothing. */
  completionMs: 1_000,
} as const
