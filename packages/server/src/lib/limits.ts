/** Every bound of the server in one place, each with its reason. Sizes in bytes, times in milliseconds. */

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

export const limits = {
  /** JSON bodies: the largest job spec is a few hundred environment variables. */
  jsonBodyBytes: 1 * MiB,
  /** One uploaded workspace, as sent. Larger data belongs in storage. */
  uploadBytes: 8 * GiB,
  /** One uploaded workspace, unpacked: stops an archive that inflates without end. */
  unpackedBytes: 32 * GiB,
  /** Files and folders in one workspace. */
  unpackedEntries: 1_000_000,
  /** Unpacked size over sent size above which an archive is taken for a bomb, once it is past `bombFloorBytes`. */
  unpackRatio: 200,
  bombFloorBytes: 64 * MiB,
  /** One line of a log; a longer one is delivered as several, marked as going on. */
  logLineBytes: 64 * KiB,
  /** Lines that are numbered, read and sent together: large enough for speed, small enough to hold one per follower. */
  logBlockBytes: 256 * KiB,
  /** What is read of a growing log at a time, into one of a few buffers that all logs share. */
  logReadBytes: 1 * MiB,
  logReadBuffers: 4,
  /** One page of log lines. */
  logPageBytes: 1 * MiB,
  logPageLines: 10_000,
  /** Output up to this size is on the disk before its task counts as ended; syncing more would hold that up for long. */
  logSyncBytes: 32 * MiB,
  /** A line that does not end is delivered when it has not grown for the first time, or waited for the second. */
  logPartialIdleMs: 200,
  logPartialAgeMs: 1000,
  /** Least time between two looks at a growing log: many small writes make one record. */
  logPaceMs: 25,
  /** Looks at a quiet log in case a file notification was lost; the second where there are none to be had. */
  logPollMs: 5000,
  logUnwatchedPollMs: 100,
  /** Before trying again to write the index of a log, on a full disk. */
  logRetryMs: 1000,
  /** Rows in one page of a list. */
  pageRows: 200,
  /** A path that a user names. Leaves room for the data folder in front: Linux takes 4096 in all. */
  pathBytes: 3072,
  /** One name in a path: what Linux file systems hold. */
  nameBytes: 255,
  /** Folders within folders, in a path and in a walk through a tree; each level holds one open file meanwhile. */
  pathDepth: 256,
  /** Links followed while one path is resolved: what Linux allows. */
  linksFollowed: 40,
  /** Names of one folder kept in memory at a time during a walk; a larger folder is read more than once. */
  walkNames: 100_000,
  /** Extended header of one entry of an archive: a long name and a few attributes. */
  archiveHeaderBytes: 1 * MiB,
  /** One pattern of a glob; and stars in it, since each multiplies the time to match. */
  globBytes: 512,
  globStars: 6,
  /** Fetching a repository: long enough for a large one over a slow line. */
  gitFetchMs: 15 * 60_000,
  /** What git says before it is cut off: the list of the refs of a very large repository fits. */
  gitOutputBytes: 64 * MiB,
  /** Space kept back for the database, given up when the disk is full: some thousand commits. */
  ballastBytes: 32 * MiB,
} as const
