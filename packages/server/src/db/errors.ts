/** What the errors of the databases and of the file system mean, whichever of them threw. */

// https://www.sqlite.org/rescode.html
const sqliteFull = 13
const sqliteShmSize = 4874
const sqliteUnique = 2067
const sqlitePrimaryKey = 1555

/** Whether an error, or what caused it, says that there was no room left on the disk or in a quota there. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode } = fields(error)
  // 53100: https://www.postgresql.org/docs/current/errcodes-appendix.html
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === '53100') return true
  if (errcode === sqliteFull || errcode === sqliteShmSize) return true
  return error instanceof Error && error.cause !== undefined && isDiskFull(error.cause)
}

/** Whether a row with the same unique columns was there already. On PostgreSQL the transaction is lost with it. */
export function isUniqueViolation(error: unknown): boolean {
  const { code, errcode } = fields(error)
  return code === '23505' || errcode === sqliteUnique || errcode === sqlitePrimaryKey
}

/** Whether the same transaction may succeed if it is run again: it lost to another one (PostgreSQL only). */
export function isLostRace(error: unknown): boolean {
  const { code } = fields(error)
  return code === '40001' || code === '40P01'
}

function fields(error: unknown): { code?: unknown; errcode?: unknown } {
  return typeof error === 'object' && error !== null ? error : {}
}
