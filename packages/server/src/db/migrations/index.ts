import type { Migration } from 'kysely/migration'
import * as start from './0001-start.ts'
import * as sessions from './0002-sessions.ts'

/** Every migration, by the name it is remembered by; they run in the order of their names. */
export const migrations: Record<string, Migration> = {
  '0001-start': start,
  '0002-sessions': sessions,
}
