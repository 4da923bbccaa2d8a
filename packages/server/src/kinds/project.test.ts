import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ZodError } from 'zod'
import { inTransaction } from '../db/transaction.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller, aJob, aProject, aVolume, start } from '../testing/fixtures.ts'
import type { Caller } from './kind.ts'
import { ensureProject, projectHandlers } from './project.ts'

eachDatabase((make) => {
  let database: TestDatabase
  let deps: KindDeps
  let ada: Caller
  beforeAll(async () => {
    database = await make()
  })
  beforeEach(async () => {
    deps = kindDeps(database)
    ada = await aCaller(database.db, { role: 'member' })
  })
  const as = (caller: Caller) => callAs('project', projectHandlers, deps, caller)

  test('made, found by name and by id, renamed, tagged', async () => {
    const made = await as(ada).create({ body: { name: 'digits', tags: ['b', 'a', 'b'] } })
    expect(made).toMatchObject({ name: 'digits', tags: ['a', 'b'], jobs: { total: 0, active: 0 } })
    for (const project of ['digits', made.id]) expect(await as(ada).show({ project })).toEqual(made)
    const renamed = await as(ada).update({ project: 'digits', body: { name: 'Ziffern' } })
    expect(renamed).toEqual({ ...made, name: 'Ziffern' })
    const retagged = await as(ada).update({ project: made.id, body: { tags: ['c'] } })
    expect(retagged).toEqual({ ...renamed, tags: ['c'] })
    expect(await as(ada).update({ project: made.id, body: {} })).toEqual(retagged)
    const events = await deps.feed.read(ada.teamId, { after: 0, limit: 10, projectId: made.id })
    expect(events.map((event) => event.type)).toEqual(['project.created', 'project.updated', 'project.updated'])
  })

  test('a name is taken once in a team, and again after it was deleted', async () => {
    const taken = { code: 'name_taken', params: { noun: 'project', name: 'one' } }
    await as(ada).create({ body: { name: 'one' } })
    await as(ada).create({ body: { name: 'two' } })
    await expect(as(ada).create({ body: { name: 'one' } })).rejects.toMatchObject(taken)
    await expect(as(ada).update({ project: 'two', body: { name: 'one' } })).rejects.toMatchObject(taken)
    const other = await aCaller(database.db)
    expect(await as(other).create({ body: { name: 'one' } })).toMatchObject({ name: 'one' })
    await as(ada).delete({ project: 'one' })
    expect(await as(ada).create({ body: { name: 'one' } })).toMatchObject({ name: 'one' })
  })

  test('one whose name is the id of another is not mistaken for it', async () => {
    const first = await as(ada).create({ body: { name: 'first' } })
    const second = await as(ada).create({ body: { name: first.id } })
    expect(await as(ada).show({ project: first.id })).toEqual(first)
    expect(await as(ada).show({ project: second.id })).toEqual(second)
  })

  test('fields that are not in the contract, and names with slashes, are refused', async () => {
    for (const body of [{ name: 'x', teamId: newId('team') }, { name: 'x', id: newId('project') }, { name: 'a/b' }]) {
      await expect(as(ada).create({ body })).rejects.toThrow(ZodError)
    }
    await as(ada).create({ body: { name: 'x' } })
    await expect(as(ada).update({ project: 'x', body: { deletedAt: null } as never })).rejects.toThrow(ZodError)
  })

  test('those of other teams and deleted ones are not found', async () => {
    const stranger = await aCaller(database.db)
    const foreign = await aProject(database.db, { teamId: stranger.teamId })
    const deleted = await aProject(database.db, { teamId: ada.teamId, deletedAt: toIso(start) })
    for (const project of [foreign.id, foreign.name, deleted.id, deleted.name, newId('project'), '%']) {
      const calls = [
        () => as(ada).show({ project }),
        () => as(ada).update({ project, body: { name: 'mine' } }),
        () => as(ada).update({ project, body: { tags: ['mine'] } }),
        () => as(ada).delete({ project }),
        () => as(ada).delete({ project, dryRun: true }),
      ]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ code: 'not_found', params: { noun: 'project', id: project } })
      }
    }
    expect((await as(ada).list({})).items).toEqual([])
    expect(await as(stranger).show({ project: foreign.id })).toMatchObject({ name: foreign.name, tags: [] })
  })

  describe('lists', () => {
    test('newest first, by tag, with the number of jobs; pages stay as they are while projects are added', async () => {
      const { db } = database
      for (const name of ['p0', 'p1', 'p2', 'p3', 'p4']) {
        deps.clock.advance(1000)
        await as(ada).create({ body: { name, tags: name === 'p1' || name === 'p3' ? ['odd'] : [] } })
      }
      const { id: projectId } = await as(ada).show({ project: 'p3' })
      const job = { teamId: ada.teamId, projectId }
      await aJob(db, job)
      await aJob(db, { ...job, state: 'running' })
      await aJob(db, { ...job, state: 'failed', endedAt: toIso(start) })
      await aJob(db, { ...job, deletedAt: toIso(start) })
      const names = (page: { items: { name: string }[] }) => page.items.map(({ name }) => name)
      expect(names(await as(ada).list({ tag: 'odd' }))).toEqual(['p3', 'p1'])
      const first = await as(ada).list({ limit: 2 })
      expect(first.items).toMatchObject([
        { name: 'p4', tags: [], jobs: { total: 0, active: 0 } },
        { name: 'p3', tags: ['odd'], jobs: { total: 3, active: 2 } },
      ])
      deps.clock.advance(1000)
      await as(ada).create({ body: { name: 'p5' } })
      const second = await as(ada).list({ limit: 2, after: first.next! })
      expect(names(second)).toEqual(['p2', 'p1'])
      const third = await as(ada).list({ limit: 2, after: second.next! })
      expect([names(third), third.next]).toEqual([['p0'], null])
    })

    test('of those made in the same moment none is lost or repeated', async () => {
      const made = await Promise.all(
        Array.from({ length: 7 }, (_, index) => as(ada).create({ body: { name: `same ${index}` } })),
      )
      const seen: string[] = []
      let after: string | null | undefined
      do {
        const page: { items: { id: string }[]; next: string | null } = await as(ada).list({
          limit: 2,
          ...(after ? { after } : {}),
        })
        seen.push(...page.items.map(({ id }) => id))
        after = page.next
      } while (after !== null)
      expect(seen.toSorted()).toEqual(made.map(({ id }) => id).toSorted())
    })
  })

  describe('deleting', () => {
    test('says what would go, and touches nothing; then it goes', async () => {
      const { db } = database
      const { id: projectId } = await as(ada).create({ body: { name: 'old', tags: ['t'] } })
      const other = await as(ada).create({ body: { name: 'other' } })
      const { teamId } = ada
      const earlier = toIso(start - 1000)
      const running = await aJob(db, { teamId, projectId, state: 'running', version: 7 })
      const stopping = await aJob(db, { teamId, projectId, stopRequestedAt: earlier })
      const ended = await aJob(db, { teamId, projectId, state: 'failed', endedAt: earlier })
      const gone = await aJob(db, { teamId, projectId, state: 'failed', endedAt: earlier, deletedAt: earlier })
      const kept = await aJob(db, { teamId, projectId: other.id })
      for (const [job, sizeBytes] of [
        [running, 2 ** 33] as const,
        [ended, 5] as const,
        [gone, 100] as const,
        [kept, 100] as const,
      ]) {
        await aVolume(db, { teamId, purpose: 'artifacts', ownerId: job.id, sizeBytes })
        await aVolume(db, { teamId, purpose: 'workspace', ownerId: job.id, sizeBytes: 1000 })
      }
      const going = { jobs: 3, activeJobs: 2, artifactBytes: 2 ** 33 + 5 }
      expect(await as(ada).delete({ project: 'old', dryRun: true })).toEqual({ deleted: false, ...going })
      expect(await as(ada).show({ project: 'old' })).toMatchObject({ tags: ['t'], jobs: { total: 3, active: 2 } })
      expect(deps.woken).toEqual([])

      const now = toIso(deps.clock.now())
      expect(await as(ada).delete({ project: 'old' })).toEqual({ deleted: true, ...going })
      await expect(as(ada).show({ project: projectId })).rejects.toMatchObject({ code: 'not_found' })
      const rows = await db.selectFrom('jobs').selectAll().where('teamId', '=', teamId).execute()
      const row = (id: string) => rows.find((job) => job.id === id)
      expect(row(running.id)).toEqual({ ...running, deletedAt: now, stopRequestedAt: now, stopGraceMs: 0, version: 8 })
      expect(row(stopping.id)).toMatchObject({ deletedAt: now, stopRequestedAt: earlier, version: 2 })
      expect(row(ended.id)).toEqual({ ...ended, deletedAt: now, version: 2 })
      expect(row(gone.id)).toEqual(gone)
      expect(row(kept.id)).toEqual(kept)
      expect(deps.woken.toSorted()).toEqual([running.id, stopping.id, ended.id].toSorted())
      expect(await db.selectFrom('tags').selectAll().where('subjectId', '=', projectId).execute()).toEqual([])
      expect(await deps.feed.read(teamId, { after: 0, limit: 9, subject: projectId })).toMatchObject([
        { type: 'project.created' },
        { type: 'project.deleted', actor: ada.userName, data: { name: 'old', ...going } },
      ])
      await expect(as(ada).delete({ project: projectId })).rejects.toMatchObject({ code: 'not_found' })
    })

    test('an empty one', async () => {
      await as(ada).create({ body: { name: 'empty' } })
      const nothing = { jobs: 0, activeJobs: 0, artifactBytes: 0 }
      expect(await as(ada).delete({ project: 'empty' })).toEqual({ deleted: true, ...nothing })
    })

    test('a job that is submitted meanwhile goes too, or gets a new project', async () => {
      const { db } = database
      const { id } = await as(ada).create({ body: { name: 'busy' } })
      const submit = inTransaction(db, async (trx) => {
        const project = await ensureProject(trx, ada, 'busy', start)
        return aJob(trx, { teamId: ada.teamId, projectId: project.id })
      })
      const [job] = await Promise.all([submit, as(ada).delete({ project: id })])
      const row = await db.selectFrom('jobs').selectAll().where('id', '=', job.id).executeTakeFirstOrThrow()
      expect(row.deletedAt !== null).toBe(row.projectId === id)
    })
  })

  describe('by submitting a job', () => {
    const ensure = (reference: string) => inTransaction(database.db, (trx) => ensureProject(trx, ada, reference, start))

    test('a name that is not there makes the project; many at once make one', async () => {
      const made = await Promise.all(Array.from({ length: 8 }, () => ensure('folder')))
      expect(new Set(made.map(({ id }) => id)).size).toBe(1)
      expect(await as(ada).show({ project: 'folder' })).toMatchObject({ id: made[0]!.id })
      expect(await deps.feed.read(ada.teamId, { after: 0, limit: 10 })).toMatchObject([
        { type: 'project.created', subject: made[0]!.id, actor: ada.userName },
      ])
    })

    test('an id finds it, and never makes one', async () => {
      const made = await ensure('folder')
      expect(await ensure(made.id)).toEqual(made)
      const foreign = await aProject(database.db, { teamId: (await aCaller(database.db)).teamId })
      for (const id of [newId('project'), foreign.id]) {
        await expect(ensure(id)).rejects.toMatchObject({ code: 'not_found' })
      }
      expect((await ensure(foreign.name)).teamId).toBe(ada.teamId)
    })

    test.each(['/', 'a/b', '..', '', ' x', 'x'.repeat(101), 'a\nb'])('%j is refused', async (name) => {
      await expect(ensure(name)).rejects.toMatchObject({ code: 'invalid' })
    })
  })
})
