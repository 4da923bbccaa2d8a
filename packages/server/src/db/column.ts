import { type Expression, sql } from 'kysely'

/** A column by its name, such as `jobs.name`, where a query is put together from parts. */
export const column = (name: string): Expression<string> => sql.ref<string>(name)

/** The same column, as an expression that no index is used for. For text only. */
export const withoutIndex = (name: string): Expression<string> => sql<string>`${sql.ref(name)} || ''`
