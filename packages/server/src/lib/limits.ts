import { containerLimits } from './container-limits.ts'
import { jupyterLimits } from './jupyter-limits.ts'

import { servingLimits } from './serving-limits.ts'

/** Every bound of the server in one place, each with its reason. Sizes in bytes, times in milliseconds. */

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

export const limits = {
  ...containerLimits,
  ...jupyterLimits,
  /** JSON bodies: the largest job spec is a few hundred environment variables. */
  jsonBodyBytes: 1 * MiB,
  /** Addresses that clients of Gradient fetch, send and watch at: an upload of many files takes hours. */
  gradientTicketMs: 24 * 3_600_000,
  /** What a list for them holds, where they know no pages. */
  gradientListed: 10_000,
  /** How long they wait for the next lines of a log: they ask again at once. */
  gradientPollMs: 5000,
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
  /**
   * Lines that are numbered, read and sent together: large enough for speed, small enough to hold one per follower, and
   * so that V8 keeps each as text where memory is used again (strings under 128 KiB): that halves the work of a reader.
   */
  logBlockBytes: 112 * KiB,
  /** What is read of a growing log at a time, into one of a few buffers that all logs share. */
  logReadBytes: 1 * MiB,
  logReadBuffers: 4,
  /** Buffers for large blocks that are kept between uses: followers that are served at the same moment are few. */
  logSpareBuffers: 8,
  /** One page of log lines. */
  logPageBytes: 1 * MiB,
  logPageLines: 10_000,
  /** Index records (40 bytes each) one page looks at, where it asks for a source that says little. */
  logPageRecords: 100_000,
  /** What one search of a log looks through, a fifth of a second or so; who wants more asks on. */
  logSearchBytes: 64 * MiB,
  /** What stands beside the output of a part, such as the names of some thousand packages. */
  logBesideBytes: 256 * 1024,
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
  /** Up to so many jobs that have a tag or a beginning of a name, a list reads all of them and sorts. */
  fewJobs: 1000,
  /** Rows in one page of a list. */
  pageRows: 200,

  /** Free space below which `doctor` warns: a build of a Python environment alone can take this much. */
  diskLowBytes: 5 * GiB,
  /** One file put into storage: the quota of the team is the bound that counts, this one only stops nonsense. */
  storedFileBytes: 16 * 1024 * GiB,
  /** Files that one team sends in parts at a time: each keeps its space until it is done or a day old. */
  uploadsAtOnce: 100,
  unfinishedUploadMs: 24 * 3_600_000,
  /** Part of a large file that clients are told to send: little to repeat, few requests. */
  uploadPartBytes: 8 * MiB,
  /** A file up to this size is hashed before it is sent, if that is asked for: it takes a tenth of a second. */
  digestBytes: 64 * MiB,
  /** Checksums that are remembered, by file, size and time. */
  knownChecksums: 10_000,
  /** Files of an incoming tar that are synced to the disk and put in their places together; and their bytes. */
  unpackBatchFiles: 2000,
  unpackBatchBytes: 256 * MiB,
  /** What one request to copy may take, and one to measure: below what proxies wait for an answer (60 s). */
  copyMs: 20_000,
  duMs: 10_000,
  duEntries: 2_000_000,
  /** Pause between two looks for artifacts that no rule keeps; and how many go at a time. */
  retentionMs: 600_000,
  retentionBatch: 1000,
  /** Request line and headers of one request; a key and a cookie or two of a proxy fit many times. */
  headerBytes: 16 * KiB,
  /** A client that takes longer to send its headers is only holding a connection. */
  headersMs: 20_000,
  /** How often connections are looked through for such clients. */
  headersCheckMs: 5_000,
  /** A JSON body must have arrived by then; it is small. */
  jsonBodyMs: 30_000,
  /** A connection on which nothing moves, in either direction. Above the longest wait that a route offers. */
  idleMs: 120_000,
  /** An idle connection kept for the next request; above what load balancers keep theirs (60 s). */
  keepAliveMs: 72_000,
  /** Open connections: leaves most of the 20,000 file descriptors a process commonly has to files. */
  connections: 8_000,
  /** After an early refusal: time for the client to read why, while what it still sends is thrown away. */
  lingerMs: 2_000,
  /** Streams (events, downloads) that one API key may hold open. */
  streamsPerKey: 200,
  /** Silence after which an event stream sends a comment, so that proxies do not close it (most wait 60 s). */
  heartbeatMs: 15_000,
  /** An event for each file of a large upload would be more work than the upload. */
  storageToldMs: 2000,
  /** Who looks at a folder has to know whether it is among them; of more than this all is read again. */
  storageToldPaths: 50,
  /** Bytes that wait in one connection before its writer has to pause: large enough for 200 MB/s and more. */
  socketBufferBytes: 256 * KiB,
  /** Requests under way when the server stops get this long to finish. */
  closeGraceMs: 5_000,
  /** Wrong keys that one address may try in a row; after that, one every `authFailureRefillMs`. */
  authFailures: 20,
  authFailureRefillMs: 3_000,
  /** Addresses whose failures are remembered, and keys that are remembered to have worked. */
  authMemory: 10_000,
  /** Passwords and codes that one address may try in a row to sign in, and after that one every so often. */
  signInsByAddress: 10,
  signInsByAddressRefillMs: 10_000,
  /** Passwords that may be tried for one name, from wherever: 3,000 a day at most, against 12 characters and more. */
  signInsByName: 20,
  signInsByNameRefillMs: 30_000,
  /** Passwords being compared at once, 19 MiB each; the threads of Node do four of them at a time. */
  passwordsAtOnce: 16,
  /** A session that nobody uses ends after a week, and one that is used after a month: then one signs in again. */
  sessionIdleMs: 7 * 24 * 3_600_000,
  sessionMs: 30 * 24 * 3_600_000,
  /** Sessions of one user: browsers are few, and the oldest has been left behind. */
  sessionsPerUser: 50,
  /** A code for one sign-in is used at once, or was not meant for use. */
  signInCodeMs: 10 * 60_000,
  /** Codes that one key may have made and not used. */
  signInCodesPerKey: 20,
  /** An address of user content works this long: enough to load a page with what belongs to it. */
  contentTicketMs: 10 * 60_000,
  /** Files of the console that are kept in memory; it is some megabytes. */
  consoleBytes: 64 * MiB,
  consoleFiles: 2000,
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
  /** What git says before it is cut off: the list of the refs of a very large repository fits. */
  gitOutputBytes: 64 * MiB,
  /** Space kept back for the database, given up when the disk is full: some thousand commits. */
  ballastBytes: 32 * MiB,
  /** How long a query waits for a lock of another process on the file, or for a connection to PostgreSQL. */
  databaseLockMs: 10_000,
  /** Times a transaction is tried that loses to others: only under a storm of writes to the same rows is it lost. */
  transactionAttempts: 10,
  /** Size at which SQLite moves its journal into the database, and that it is cut back to after a burst of writes. */
  sqliteJournalBytes: 64 * MiB,
  /** Pages of the database kept in memory: the indexes of 100,000 jobs fit. */
  sqliteCacheBytes: 64 * MiB,
  /** Prepared statements kept; the code has fewer different ones, but for lists of varying length. */
  sqliteStatements: 500,
  /** Connections to PostgreSQL: queries are short, and its default allows 100 in all. */
  postgresConnections: 10,
  /** Our queries take milliseconds: one that runs this long is stuck. */
  postgresStatementMs: 60_000,
  /** Events read, or deleted, in one query. */
  feedRows: 500,
  /** How late a follower of events may be when another process wrote them; our own processes say so at once. */
  feedPollMs: 1000,

  /** A request to an object store: an object of 64 MiB over a line of 5 Mbit/s takes this long. */
  storeRequestMs: 120_000,
  /** A request that fails by what may pass is tried this often, the pause doubling: about ten seconds in all. */
  storeTries: 7,
  storeRetryMs: 200,
  storeRetryMostMs: 5000,
  /** A clock that differs by less from that of an object store does no harm; stores refuse from 15 minutes on. */
  storeSkewMs: 60_000,

  /** Times that a backup looks again because something was deleted meanwhile; more means that it never settles. */
  backupRounds: 5,
  /** Who began to work in a place for backups this long ago was killed: the first copy of a large server takes days. */
  backupClaimMs: 7 * 24 * 3_600_000,

  /** Events are a timeline, not an archive: after half a year they are deleted. */
  eventsKeptMs: 182 * 24 * 3_600_000,
  /** Pause between full sweeps of the control loop: the longest that a lost hint goes unnoticed. */
  sweepMs: 10_000,
  /** Pause between two looks at the storages that have a quota. */
  quotaMs: 2000,
  /** A task that writes on to a full storage is stopped when the quota is exceeded this many times. */
  quotaExcess: 1.1,
  quotaGraceMs: 10_000,
  /** Pause before a pass that failed, as on a full disk, is tried again. */
  loopRetryMs: 500,
  /** Resources planned by one query: keeps the number of its parameters far below what SQLite allows. */
  planBatch: 500,
  /** Makers and what they made are planned in turn this often in one pass; what is left is for the next one. */
  planRounds: 8,
  /** Gangs with addresses and ports of their own at a time: their ports end below those that the kernel gives out. */
  gangSlots: 170,
  gangPorts: 128,
  gangFirstPort: 10_000,
  nodeGraceMs: 10_000,
  /** Lines read of each job at a time when the logs of several are read as one. */
  mergedLogLines: 2000,
  /** Events of a sweep read, or values of a trial told, in one go: a few megabytes at most. */
  trialEventsAtOnce: 5000,
  /** Trials whose values are read before others have their turn. */
  trialsToldAtOnce: 500,
  /** Searchers held in memory, of some megabytes each; others are made anew from their journal. */
  searchesKept: 50,
  /** Waiting tasks looked at for a place in one pass. */
  placeWindow: 200,
  /** Tasks being started at the same time. */
  startsAtOnce: 16,
  /** A start that fails by the machine's fault is tried this often, the pause doubling: about half a minute in all. */
  startTries: 6,
  startRetryMs: 1000,
  /** An uploaded workspace that no job refers to is deleted after a day: somebody may still be about to submit. */
  unusedWorkspaceMs: 24 * 3_600_000,
  /** One that was asked for within this time is not noted to be asked for again: that saves a write to the disk. */
  workspaceTouchMs: 3_600_000,
  /** Work that keeps the process busy gives others their turn after this long. */
  sliceMs: 8,
  /** Parcels of chunks in memory at once, together; a client beyond that waits. One of the largest fits. */
  parcelsBytes: 96 * MiB,
  /** Memory of parcels that is kept for the next ones: one client has so many under way. */
  spareParcels: 3,
  /** A parcel must have arrived by then: 8 MiB at 15 KB/s. Until then it holds its part of the memory. */
  parcelMs: 10 * 60_000,
  /** A chunk that nothing needs is kept for this long after it came or was asked for: uploads may pause that long. */
  chunkHoldMs: 24 * 3_600_000,
  /** A tree that nothing refers to is kept for this long after it was committed. */
  unusedTreeMs: 24 * 3_600_000,
  /** Pause between two collections of chunks: each reads the root of every tree. */
  collectMs: 3_600_000,
  /** A pack without chunks is removed after this long: somebody may have begun to read it. */
  doomedPackMs: 3_600_000,
  /** An object that no row knows is removed after a day: it may belong to an upload under way. */
  strayPackMs: 24 * 3_600_000,
  /** What packs are filled to: large enough for speed, small enough to be written in a moment. */
  packBytes: 32 * MiB,
  /** Packs smaller than the first are put together, as soon as there are as many as the second. */
  smallPackBytes: 2 * MiB,
  smallPacks: 16,
  /** Chunks that the server itself takes in are stored in packs of this size, so many of them on their way. */
  ownPackBytes: 8 * MiB,
  /** Parcels of so many new chunks get their rows later, once the second come together or one has waited so long. */
  arrivedFromChunks: 64,
  arrivedToChunks: 4096,
  arrivedChunks: 8192,
  arrivedMs: 3_600_000,
  /** Rows about chunks in one query, a power of two: some milliseconds on either database. */
  chunkRows: 512,
  /** Rows that one query writes, given as one list: some ten milliseconds. */
  givenRows: 2048,
  /** Garbage of transfers after which all of it is collected. */
  garbageBytes: 24 * MiB,
  /** Chunks read ahead of whoever reads many. */
  readAheadBytes: 4 * MiB,
  /** Memory for it that is used again: a window that is handed out and one that is read, of one or two parts each. */
  spareReadBuffers: 4,
  /** Largest root of a tree; files, folders and links in it; and links alone, which are followed to see where they lead. */
  treeRootBytes: 8 * MiB,
  treeEntries: 10_000_000,
  treeLinks: 100_000,
  /** Segments of trees kept in memory once they were read, by their own size; decoded they take some four times that. */
  segmentCacheBytes: 12 * MiB,
  /** Trees that are kept open for reading, and segments of each whose first path is remembered. */
  openTrees: 64,
  treeFirstPaths: 20_000,
  /** Entries of a tree whose chunks are asked for together. */
  readAheadEntries: 2048,
  /** Files read at once while a folder is taken in; each holds up to two chunks in memory. */
  filesAtOnce: 16,
  /** A file that changes while it is taken in is read this often at most, and then taken as it was. */
  fileReads: 3,
  /** Names that are told of what a tree cannot hold; the rest are counted. */
  leftOutTold: 100,
  /** Bytes, and steps, handed at a time to the thread that writes files: some milliseconds of work. */
  writeBatchBytes: 2 * MiB,
  writeBatchSteps: 256,
  /** Files and folders of trees that are kept ready to be mounted; what tasks use is kept in any case. */
  treeCacheEntries: 5_000_000,
  /** Trees of so many files and folders are looked at before each mount, whether somebody has changed them: 20 ms. */
  treePrintEntries: 1000,
  /** Redirects followed to what is fetched for a user; a connection on which nothing moves; and a list of objects. */
  fetchRedirects: 5,
  fetchIdleMs: 60_000,
  fetchListBytes: 16 * MiB,
  /** A transfer that breaks off is taken up again this often without a byte between, the pause doubling: 15 seconds. */
  fetchTries: 6,
  fetchRetryMs: 500,
  /** What one address may hold: the disk is the bound that counts, this one only stops nonsense. */
  fetchedBytes: 16 * 1024 * GiB,
  /** Objects of one bucket that are fetched at once. */
  fetchesAtOnce: 4,
  /** Versions that are prepared at once: each may fill the line. */
  preparedAtOnce: 2,
  /** A version that fails by the machine's fault is tried this often, the pause doubling: about an hour in all. */
  prepareTries: 8,
  prepareRetryMs: 30_000,
  /** How often it is written down how far a version is. */
  prepareNoteMs: 5000,
  /** Output of a program that runs in a task and nobody is connected to: what is kept of it, and for how long. */
  execScrollbackBytes: 256 * KiB,
  execKeptMs: 5 * 60_000,
  /** Such programs in one task, and in all. */
  execsPerTask: 20,
  execs: 400,
  /** What waits for a slow connection before the program has to. */
  execPendingBytes: 1 * MiB,
  /** A client begins as soon as it is connected. */
  execStartMs: 30_000,
  /** Pause between two pings to a WebSocket of the API: below what proxies take for silence (60 s). */
  socketPingMs: 20_000,
  /** One message of a WebSocket of the API. */
  socketMessageBytes: 1 * MiB,
  ...servingLimits,
  /** Processes and threads of one task. */
  taskPids: 4096,
  /** Pause between two looks at what tasks and machine use: fine enough to see an epoch, and cheap. */
  metricSampleMs: 2000,
  /** The same for the machine alone, while nothing runs and nobody looks. */
  metricIdleMs: 30_000,
  /** Measurements that a killed server may lose; writing each by itself would cost more than taking it. */
  metricFlushMs: 10_000,
  /** One file of figures as measured or by 30 s, and one by 5 min. There are two of each: 16 MiB for a task at most. */
  metricSegmentBytes: 2 * MiB,
  metricLastSegmentBytes: 4 * MiB,
  /** Different series of one subject: each costs memory while it is written. */
  metricSeriesCount: 2000,
  /** Moments kept in memory for those who follow: more than one pause of a slow reader. */
  metricRecentTicks: 64,
  /** Processes of one task looked at one by one; a task with more has gaps where the kernel does not add up. */
  metricProcesses: 1000,
  /** How long GPUs may take to answer before a measurement goes on without, and before the question is given up. */
  metricGpuWaitMs: 1000,
  metricGpuMs: 5000,
  /** How old `lastUsedAt` of a key may be: noting every use would cost a write to the disk for each request. */
  keyUsedMs: 60_000,
  /** Requests to log that wait for the disk, and how many are written in one transaction: some milliseconds. */
  trackingQueue: 20_000,
  trackingBatch: 400,
  /** Entries of the journal of one run folded in one transaction; and the pause before they are, if nobody reads. */
  trackingFoldRows: 1000,
  trackingFoldMs: 3000,
  /** Pause between two looks at the event files of running jobs. */
  eventFilesMs: 3000,
  /** Folders of a job are looked through for them for no more than one part in so many of the time. */
  eventFileShare: 50,
  /** Entries of its folders looked at in one go, and event files followed. */
  eventFileEntries: 20_000,
  eventFiles: 200,
  /** Read and stored at once (some thousand values); at one look; and when the job has ended, which waits for it. */
  eventPieceBytes: 256 * KiB,
  eventFilePassBytes: 16 * MiB,
  eventFileLastBytes: 128 * MiB,
  /** Runs whose names are remembered. */
  trackingNames: 1000,
  /** A batch of values as JSON; the schema of a dataset, or a description of a model, is no larger. */
  trackingBodyBytes: 8 * MiB,
  /** Columns that a table of runs is told of. */
  trackingColumns: 5000,
  /** Runs in one export: as many as a sheet shows. */
  exportedRuns: 100_000,
} as const
