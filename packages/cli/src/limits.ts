/** Every bound of the CLI in one place, each with its reason. Sizes in bytes, times in milliseconds. */

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** Part of a file that is read at a time. */
  readBytes: 256 * KiB,
  /** A packed workspace up to this size is sent from memory, a larger one by way of a temporary file. */
  inMemoryBytes: 16 * MiB,
  /** Size of a workspace above which the CLI says how to send less. */
  largeWorkspaceBytes: 100_000_000,
  /** Ignore files larger than this are a mistake. */
  ignoreFileBytes: 1 * MiB,
  /** First and longest pause before the CLI tries again to reach a server that it lost while following. */
  retryFirstMs: 200,
  retryMostMs: 5_000,
  /** How long it keeps trying: a restart takes seconds, an upgrade may take minutes. */
  retryForMs: 10 * 60_000,
  /** When the status line is brought up to date for the first time, and how often after that. */
  statusFirstMs: 150,
  statusMs: 1_000,
  /** Longest time that one `wait` request stays open: the most the server allows. */
  waitSeconds: 60,
  /** Rows asked for at a time: the most the server gives in one page. */
  pageRows: 200,
  filePageRows: 1000,
  logPageLines: 10_000,
  /** Files that are sent at the same time by `storage put -r`. */
  parallelUploads: 4,
  /** How long shell completion may wait for the server before it offers nothing. */
  completionMs: 1_000,
} as const
