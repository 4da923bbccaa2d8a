import { beforeAll, describe, expect, test } from 'vitest'
import type { JobRow } from '../../db/tables.ts'
import { toIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { eachDatabase, type TestDatabase } from '../../testing/database.ts'
import { aCaller, aJob, aProject, start } from '../../testing/fixtures.ts'
import { countMatching, type JobFilter, selectMatching } from './filter.ts'

const many = limits.fewJobs + 200

eachDatabase((make) => {
  describe('jobs of a filter', () => {
    let database: TestDatabase
    let teamId: string
    let projectId: string

    /** `run-0` … of one team, of which every tenth failed; all tagged `all`, every hundredth `some` too. */
    beforeAll(async () => {
      database = await make()
      const { db } = database
      const caller = await aCaller(db)
      teamId = caller.teamId
      projectId = (await aProject(db, { teamId })).id
      const pattern = await aJob(db, { teamId, projectId, createdBy: caller.userId, name: 'pattern' })
      const rows = Array.from({ length: many }, (_, number) => rowOf(pattern, number))
      // SQLite takes so many values in one statement, and a job has dozens.
      for (let from = 0; from < rows.length; from += 500) {
        await db
          .insertInto('jobs')
          .values(rows.slice(from, from + 500))
          .execute()
      }
      const tags = rows.flatMap(({ id }, number) => [
        { teamId, subjectId: id, tag: 'all' },
        ...(number % 100 === 0 ? [{ teamId, subjectId: id, tag: 'some' }] : []),
      ])
      await db.insertInto('tags').values(tags).execute()
      const stranger = await aCaller(db)
      const others = await aProject(db, { teamId: stranger.teamId })
      const foreign = { teamId: stranger.teamId, projectId: others.id, createdBy: stranger.userId }
      const { id: subjectId } = await aJob(db, { ...foreign, name: 'run-0' })
      await db.insertInto('tags').values({ teamId: stranger.teamId, subjectId, tag: 'some' }).execute()
    })

    const namesOf = async (filter: JobFilter): Promise<string[]> => {
      const rows = await (await selectMatching(database.db, teamId, filter)).orderBy('jobs.createdAt').execute()
      return rows.map((row) => row.name)
    }

    const numbered = (keep: (number: number) => boolean) =>
      Array.from({ length: many }, (_, number) => number)
        .filter(keep)
        .map((number) => `run-${number}`)

    test('a tag that few have, and one that many have', async () => {
      expect(await namesOf({ tag: 'some' })).toEqual(numbered((number) => number % 100 === 0))
      expect(await namesOf({ tag: 'all' })).toEqual(numbered(() => true))
      expect(await namesOf({ tag: 'none' })).toEqual([])
    })

    test('a beginning of a name that few have, and one that many have', async () => {
      expect(await namesOf({ name: 'run-11' })).toEqual(numbered((number) => `${number}`.startsWith('11')))
      expect(await namesOf({ name: 'run-' })).toEqual(numbered(() => true))
      expect(await namesOf({ name: 'RUN' })).toEqual([])
    })

    test('several states', async () => {
      expect(await namesOf({ name: 'run-2', states: ['failed', 'succeeded'] })).toEqual(
        numbered((number) => `${number}`.startsWith('2')),
      )
      expect(await namesOf({ states: ['pending', 'failed'] })).toHaveLength(many / 10 + 1)
    })

    test('counts by state, of all and of what matches', async () => {
      const countsOf = async (filter: Parameters<typeof countMatching>[2]) =>
        Object.fromEntries((await countMatching(database.db, teamId, filter)).map(({ state, jobs }) => [state, jobs]))
      expect(await countsOf({ projectId })).toEqual({ pending: 1, failed: many / 10, succeeded: many * 0.9 })
      expect(await countsOf({ tag: 'some', name: 'run-' })).toEqual({ failed: many / 100 })
      expect(await countsOf({ name: 'nobody' })).toEqual({})
    })

    test('all at once', async () => {
      const failed = numbered((number) => number % 10 === 0)
      expect(await namesOf({ tag: 'all', name: 'run-', states: ['failed'], projectId })).toEqual(failed)
      expect(await namesOf({ tag: 'some', name: 'run-1', states: ['failed'], projectId })).toEqual(
        numbered((number) => number % 100 === 0 && `${number}`.startsWith('1')),
      )
    })
  })
})

function rowOf(pattern: JobRow, number: number): JobRow {
  const at = toIso(start + number * 1000)
  const state = number % 10 === 0 ? 'failed' : 'succeeded'
  return { ...pattern, id: newId('job'), name: `run-${number}`, state, createdAt: at, endedAt: at }
}
