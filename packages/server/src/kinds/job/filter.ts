import type { JobState } from '@nabla/api/job'
import { column, withoutIndex } from '../../db/column.ts'
import type { Db } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import { selectJobs } from './view.ts'

/** What a list of jobs can be narrowed to. */
export interface JobFilter {
  projectId?: string | undefined
  /** One of these. */
  states?: readonly JobState[] | undefined
  tag?: string | undefined
  /** The beginning of the name. */
  name?: string | undefined
}

/**
 * The jobs of one team that match. A page of them is read in one of two ways: down the index by age, leaving out what
 * does not match, until the page is full; or by reading all that match, and sorting. The first is fast when many match
 * and slow when few do, the second the other way round. SQLite does not know how many do, so it is found out here, and
 * SQLite is kept from the wrong way: a column that is written as an expression (`name || ''`) uses no index.
 */
export async function selectMatching(db: Db, teamId: string, filter: JobFilter) {
  const { projectId, states, tag, name } = filter
  const tagged = db
    .selectFrom('tags')
    .select('subjectId')
    .where('teamId', '=', teamId)
    .where('tag', '=', tag ?? '')
  const fewTagged = tag !== undefined && !(await areMany(tagged))
  let rows = selectJobs(db, teamId, fewTagged ? withoutIndex('jobs.teamId') : undefined)
  if (projectId !== undefined) rows = rows.where('jobs.projectId', '=', projectId)
  if (states !== undefined) rows = rows.where('jobs.state', 'in', states)
  if (fewTagged) rows = rows.where('jobs.id', 'in', tagged)
  else if (tag !== undefined) {
    rows = rows.where(({ exists, selectFrom }) =>
      exists(selectFrom('tags').select('tag').whereRef('tags.subjectId', '=', 'jobs.id').where('tag', '=', tag)),
    )
  }
  if (name === undefined) return rows
  const end = `${name}\u{10ffff}`
  const named = db.selectFrom('jobs').select('id').where('teamId', '=', teamId)
  const many = await areMany(named.where('name', '>=', name).where('name', '<', end))
  const byName = many ? withoutIndex('jobs.name') : column('jobs.name')
  return rows.where(byName, '>=', name).where(byName, '<', end)
}

/** How many jobs match, in each state that any is in. */
export async function countMatching(db: Db, teamId: string, filter: Omit<JobFilter, 'states'>) {
  const { projectId, tag, name } = filter
  let rows = db
    .selectFrom('jobs')
    .select(({ fn }) => ['state', fn.countAll<number>().as('jobs')])
    .where('teamId', '=', teamId)
    .where('deletedAt', 'is', null)
    .groupBy('state')
  if (projectId !== undefined) rows = rows.where('projectId', '=', projectId)
  if (name !== undefined) rows = rows.where('name', '>=', name).where('name', '<', `${name}\u{10ffff}`)
  if (tag !== undefined) {
    const tagged = db.selectFrom('tags').select('subjectId').where('teamId', '=', teamId).where('tag', '=', tag)
    rows = rows.where('id', 'in', tagged)
  }
  return rows.execute()
}

/** Whether a query finds more than a few. Reads an index only as far as that. */
async function areMany(found: { offset(rows: number): { limit(rows: number): { execute(): Promise<unknown[]> } } }) {
  return (await found.offset(limits.fewJobs).limit(1).execute()).length > 0
}
