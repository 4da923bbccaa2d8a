import { type AliasableExpression, type Expression, type Kysely, PostgresAdapter, sql, type SqlBool } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Long lists as one parameter. A parameter for each value costs more in building the query, for hundreds of them, than
 * the database takes to answer; and all lengths share one prepared statement.
 */

/** Whether a column, by its name such as `chunks.hash`, is one of these texts. */
export function isOneOf(db: Kysely<Tables>, column: string, values: readonly string[]): Expression<SqlBool> {
  if (isPostgres(db)) return sql<SqlBool>`${sql.ref(column)} = any(${values}::text[])`
  return sql<SqlBool>`${sql.ref(column)} in (select value from json_each(${JSON.stringify(values)}))`
}

/** The types that the values of rows may have. Numbers are whole. */
export type GivenTypes = Record<string, 'text' | 'integer'>

/** A row as `GivenTypes` says, its values in that order. */
export type GivenRow = readonly (string | number | null)[]

/** Rows to be selected from, by the names of their columns. */
export function given<Row>(db: Kysely<Tables>, types: GivenTypes, rows: readonly GivenRow[]): AliasableExpression<Row> {
  const json = JSON.stringify(rows)
  const source = isPostgres(db)
    ? sql`jsonb_array_elements(${json}::jsonb) as item(value)`
    : sql`json_each(${json}) as item`
  const columns = Object.entries(types).map(
    ([name, type], at) => sql`cast(item.value ->> ${sql.lit(at)} as ${sql.raw(type)}) as ${sql.ref(name)}`,
  )
  return sql<Row>`(select ${sql.join(columns)} from ${source})`
}

/** The same text in each row. */
export const givenText = (value: string): AliasableExpression<string> => sql<string>`cast(${value} as text)`

const isPostgres = (db: Kysely<Tables>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
