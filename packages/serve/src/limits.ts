/** Every bound of the model server that is no setting, each with its reason. Sizes in bytes, times in milliseconds. */

const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** Dimensions of a tensor: numpy and its kin stop at 32 or 64. */
  tensorDimensions: 32,
  /** The JSON head of one message between server and worker: names and shapes of a few hundred tensors. */
  frameHeadBytes: 4 * MiB,
  /** The tensors of one message between server and worker. */
  frameBodyBytes: 2 ** 31 - 1,
  /** Inputs that are joined: a larger batch no longer fits into the caches of a processor, and is slower. */
  batchBytes: 4 * MiB,
  /** Batches given to a worker at a time: one it works on, one that waits, so that it never idles for a round trip. */
  batchesAtWorker: 2,
  /** What all bodies that wait for an answer may hold, in multiples of the largest one, and at least the second. */
  pendingBodies: 4,
  pendingBytes: 256 * MiB,
  /** Loading and warming up: large models on slow disks take minutes, a hung one takes forever. */
  loadMs: 10 * 60_000,
  /** How long a batch may take beyond the time limit of its requests before its worker is taken for hung. */
  hungMs: 30_000,
  /** Before a worker that crashed is started again: doubled with each crash, up to the second. */
  restartMs: 500,
  restartMostMs: 60_000,
  /** A worker that ran so long without a crash begins anew with the shortest wait. */
  restartCalmMs: 60_000,
  /** Starts in a row that end before the model is loaded; then it is given up. */
  loadAttempts: 3,
  /** How long a worker may take to end once it is told to: what it is at has no taker any more. */
  stopMs: 2_000,
  /** What is kept of the last output of a worker, to say why it ended. */
  lastWordsBytes: 8 * KiB,
  /** One line of the log. */
  logLineBytes: 8 * KiB,
  /** Idle connections: longer than what gateways and clients keep theirs, so that the other side closes first. */
  keepAliveMs: 75_000,
  /** A whole request must have come within this: a client that sends a byte a second holds memory. */
  requestMs: 120_000,
  /** How long a body that is refused is read on, so that its sender comes to read the answer. */
  refusedBodyMs: 2_000,
  /** Young garbage is collected after so many bytes: well before V8 collects all, which is after 64 MiB outside of its heap. */
  garbageBytes: 12 * MiB,
  /** Models and versions in one configuration. */
  models: 256,
} as const
