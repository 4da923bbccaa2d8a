import { type Expression, sql, type SqlBool } from 'kysely'
import { AppError } from '../lib/app-error.ts'

/** Where a page of a list ended. Lists are sorted by time of making and then by id, newest first. */
export interface Cursor {
  createdAt: string
  id: string
}

/** The text that callers pass as `after` for the page after `last`. */
export function cursorOf(last: Cursor): string {
  return Buffer.from(`${last.createdAt} ${last.id}`).toString('base64url')
}

/** The other way round. Throws AppError `invalid` on a text that is no cursor. */
export function readCursor(after: string): Cursor {
  const parts = /^(\d{4}-\d\d-\d\dT[\d:.]{12}Z) ([0-9a-z]{1,40})$/.exec(Buffer.from(after, 'base64url').toString())
  const [, createdAt, id] = parts ?? []
  if (createdAt === undefined || id === undefined) {
    throw new AppError('invalid', { detail: '`after` is not the `next` of a page.' })
  }
  return { createdAt, id }
}

/** Condition: the row comes after the cursor `after` (all rows do if there is none). Names the two columns of it. */
export function isAfter(createdAt: string, id: string, after: string | undefined): Expression<SqlBool> {
  if (after === undefined) return sql<SqlBool>`1 = 1`
  const cursor = readCursor(after)
  return sql<SqlBool>`(${sql.ref(createdAt)}, ${sql.ref(id)}) < (${cursor.createdAt}, ${cursor.id})`
}

/** Makes a page of the rows found, which were read with a limit of `limit + 1` to see whether there are more. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursor: (row: Row) => Cursor,
  toItem: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { items: page.map(toItem), next: rows.length > limit && last !== undefined ? cursorOf(cursor(last)) : null }
}
