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
  /** Rows in one page of a list. */
  pageRows: 200,
} as const
