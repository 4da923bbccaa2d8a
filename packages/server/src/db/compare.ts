import { type Expression, expressionBuilder, type Kysely, PostgresAdapter, sql, type SqlBool } from 'kysely'
import type { Tables } from './tables.ts'

/** How a column can be compared with a value that somebody chose. */
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'like' | 'ilike' | 'in' | 'not in'

/**
 * A comparison of a column, by its name such as `runs.name`. In patterns `%` is any text and `_` any character;
 * capitals count, but for those of ASCII with `ilike`. SQLite's own LIKE never tells capitals apart, its GLOB does.
 */
export function compares(
  db: Kysely<Tables>,
  column: string,
  comparison: Comparison,
  value: string | number | readonly string[],
): Expression<SqlBool> {
  const text = sql.ref(column)
  if (comparison === 'like' || comparison === 'ilike') {
    return like(db, column, String(value), comparison === 'ilike')
  }
  if (comparison === 'in') return sql<SqlBool>`${text} in (${sql.join([value].flat())})`
  if (comparison === 'not in') return sql<SqlBool>`${text} not in (${sql.join([value].flat())})`
  return sql<SqlBool>`${text} ${sql.raw(signs[comparison])} ${value}`
}

/** What is sent raw comes from here, and from nowhere else. */
const signs = { '=': '=', '!=': '!=', '<': '<', '<=': '<=', '>': '>', '>=': '>=' } as const

function like(db: Kysely<Tables>, column: string, pattern: string, ignoreCase: boolean): Expression<SqlBool> {
  const compared = ignoreCase ? sql<string>`lower(${sql.ref(column)})` : sql.ref<string>(column)
  const wanted = ignoreCase ? pattern.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : pattern
  if (db.getExecutor().adapter instanceof PostgresAdapter) {
    return sql<SqlBool>`${compared} like ${wanted.replaceAll('\\', String.raw`\\`)}`
  }
  return sql<SqlBool>`${compared} glob ${toGlob(wanted)}`
}

function toGlob(pattern: string): string {
  return pattern.replaceAll(/[*?[%_]/g, (sign) => (sign === '%' ? '*' : sign === '_' ? '?' : `[${sign}]`))
}

/** Of two times the later one, for times that never go back: somebody else may have used a row later than we began. */
export function laterOf(there: Expression<string>, now: Expression<string>): Expression<string> {
  return expressionBuilder<Tables>().case().when(there, '<', now).then(now).else(there).end()
}
