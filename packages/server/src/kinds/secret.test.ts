import { beforeAll, beforeEach, expect, test } from 'vitest'
import { ZodError } from 'zod'
import { newId } from '../lib/ids.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller, aProject } from '../testing/fixtures.ts'
import type { Caller } from './kind.ts'
import { projectHandlers } from './project.ts'
import { resolveSecrets, secretHandlers } from './secret.ts'

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
  const as = (caller: Caller) => callAs('secret', secretHandlers, deps, caller)
  const resolve = async (caller: Caller, projectId: string, names: string[]) =>
    Object.fromEntries(await resolveSecrets(database.db, deps.box, caller.teamId, projectId, names))

  test('a job gets the value of the project before that of the team', async () => {
    const [first, second] = [
      await aProject(database.db, { teamId: ada.teamId }),
      await aProject(database.db, { teamId: ada.teamId }),
    ]
    expect(await as(ada).set({ name: 'TOKEN', body: { value: 'of the team' } })).toMatchObject({ project: null })
    const set = await as(ada).set({ name: 'TOKEN', project: first.name, body: { value: 'of the project' } })
    expect(set.project).toEqual({ id: first.id, name: first.name })
    await as(ada).set({ name: 'OTHER', body: { value: 'other' } })
    const names = ['TOKEN', 'OTHER', 'MISSING', 'TOKEN']
    expect(await resolve(ada, first.id, names)).toEqual({ TOKEN: 'of the project', OTHER: 'other' })
    expect(await resolve(ada, second.id, names)).toEqual({ TOKEN: 'of the team', OTHER: 'other' })
    expect(await resolve(ada, first.id, [])).toEqual({})
    expect(await resolve(await aCaller(database.db), first.id, names)).toEqual({})
  })

  test('setting it again replaces the value', async () => {
    await as(ada).set({ name: 'TOKEN', body: { value: 'old' } })
    deps.clock.advance(5000)
    await as(ada).set({ name: 'TOKEN', body: { value: 'new' } })
    expect(await resolve(ada, '', ['TOKEN'])).toEqual({ TOKEN: 'new' })
    expect((await as(ada).list({})).items).toEqual([
      { name: 'TOKEN', project: null, updatedAt: '2026-01-01T00:00:05.000Z' },
    ])
  })

  test('values are in no answer, no row and no event', async () => {
    const value = `hunter2 ${newId('secret')}`
    const project = await aProject(database.db, { teamId: ada.teamId })
    const answers = [
      await as(ada).set({ name: 'A', body: { value } }),
      await as(ada).set({ name: 'B', project: project.id, body: { value } }),
      await as(ada).list({}),
    ]
    const { db } = database
    const rows = await db.selectFrom('secrets').selectAll().where('teamId', '=', ada.teamId).execute()
    const events = await deps.feed.read(ada.teamId, { after: 0, limit: 10 })
    expect(rows).toHaveLength(2)
    expect(events.map((event) => [event.type, event.data])).toEqual([
      ['secret.set', { name: 'A' }],
      ['secret.set', { name: 'B' }],
    ])
    const everything = JSON.stringify([answers, rows, events])
    for (const text of [
      value,
      Buffer.from(value).toString('base64').slice(0, 20),
      Buffer.from(value).toString('hex'),
    ]) {
      expect(everything).not.toContain(text)
    }
  })

  test('a value that is moved in the database to another name, project or team cannot be opened', async () => {
    const { db } = database
    const eve = await aCaller(db)
    const project = await aProject(db, { teamId: ada.teamId })
    await as(ada).set({ name: 'TOKEN', body: { value: 'of ada' } })
    await as(eve).set({ name: 'TOKEN', body: { value: 'of eve' } })
    const { sealed } = await db
      .selectFrom('secrets')
      .select('sealed')
      .where('teamId', '=', ada.teamId)
      .executeTakeFirstOrThrow()
    await as(ada).set({ name: 'MINE', body: { value: 'x' } })
    await as(ada).set({ name: 'TOKEN', project: project.id, body: { value: 'x' } })
    await db.updateTable('secrets').set({ sealed }).where('teamId', 'in', [eve.teamId, ada.teamId]).execute()
    const unreadable = { code: 'secret_unreadable', params: { name: expect.stringMatching(/TOKEN|MINE/) as string } }
    await expect(resolve(eve, '', ['TOKEN'])).rejects.toMatchObject(unreadable)
    await expect(resolve(ada, '', ['MINE'])).rejects.toMatchObject(unreadable)
    await expect(resolve(ada, project.id, ['TOKEN'])).rejects.toMatchObject(unreadable)
    expect(await resolve(ada, '', ['TOKEN'])).toEqual({ TOKEN: 'of ada' })
  })

  test('deleting takes the one that is meant', async () => {
    const project = await aProject(database.db, { teamId: ada.teamId })
    await as(ada).set({ name: 'TOKEN', body: { value: 'team' } })
    await as(ada).set({ name: 'TOKEN', project: project.id, body: { value: 'project' } })
    expect(await as(ada).delete({ name: 'TOKEN', project: project.name })).toEqual({ deleted: true })
    expect(await resolve(ada, project.id, ['TOKEN'])).toEqual({ TOKEN: 'team' })
    await expect(as(ada).delete({ name: 'TOKEN', project: project.name })).rejects.toMatchObject({ code: 'not_found' })
    await as(ada).delete({ name: 'TOKEN' })
    expect(await resolve(ada, project.id, ['TOKEN'])).toEqual({})
    const events = await deps.feed.read(ada.teamId, { after: 0, limit: 10 })
    expect(events.map((event) => event.type).slice(2)).toEqual(['secret.deleted', 'secret.deleted'])
  })

  test('those of a project go with it', async () => {
    const project = await aProject(database.db, { teamId: ada.teamId })
    await as(ada).set({ name: 'TOKEN', project: project.id, body: { value: 'project' } })
    await callAs('project', projectHandlers, deps, ada).delete({ project: project.id })
    expect((await as(ada).list({})).items).toEqual([])
    expect(await resolve(ada, project.id, ['TOKEN'])).toEqual({})
  })

  test('projects and secrets of other teams are not found', async () => {
    const eve = await aCaller(database.db)
    const foreign = await aProject(database.db, { teamId: eve.teamId })
    await as(eve).set({ name: 'TOKEN', body: { value: 'of eve' } })
    await as(eve).set({ name: 'TOKEN', project: foreign.id, body: { value: 'of eve' } })
    for (const project of [foreign.id, foreign.name, newId('project')]) {
      const calls = [
        () => as(ada).list({ project }),
        () => as(ada).set({ name: 'TOKEN', project, body: { value: 'x' } }),
        () => as(ada).delete({ name: 'TOKEN', project }),
      ]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({ code: 'not_found', params: { noun: 'project', id: project } })
      }
    }
    await expect(as(ada).delete({ name: 'TOKEN' })).rejects.toMatchObject({ code: 'not_found' })
    expect((await as(ada).list({})).items).toEqual([])
    expect(await resolve(eve, foreign.id, ['TOKEN'])).toEqual({ TOKEN: 'of eve' })
  })

  test('lists of a project and of the whole team, page by page', async () => {
    const project = await aProject(database.db, { teamId: ada.teamId })
    for (const name of ['A', 'B', 'C', 'D', 'E']) {
      deps.clock.advance(1000)
      await as(ada).set({ name, ...(name > 'C' ? { project: project.id } : {}), body: { value: 'x' } })
    }
    const names = (page: { items: { name: string }[] }) => page.items.map(({ name }) => name)
    expect(names(await as(ada).list({ project: project.name }))).toEqual(['E', 'D'])
    const first = await as(ada).list({ limit: 2 })
    // A new value does not move a secret in the list.
    await as(ada).set({ name: 'A', body: { value: 'y' } })
    const second = await as(ada).list({ limit: 2, after: first.next! })
    const third = await as(ada).list({ limit: 2, after: second.next! })
    expect([first, second, third].map(names)).toEqual([['E', 'D'], ['C', 'B'], ['A']])
    expect(third.next).toBeNull()
  })

  test('what cannot be a variable, and fields that are not in the contract, are refused', async () => {
    for (const name of ['1A', 'A-B', '', 'A B', '../A', 'PROJÉT']) {
      await expect(as(ada).set({ name, body: { value: 'x' } })).rejects.toThrow(ZodError)
    }
    await expect(as(ada).set({ name: 'A', body: { value: 'x', sealed: 'y' } as never })).rejects.toThrow(ZodError)
    await expect(as(ada).set({ name: 'A', body: { value: '' } })).rejects.toThrow(ZodError)
    await expect(as(ada).set({ name: 'A', body: { value: 'a\0b' } })).rejects.toThrow(ZodError)
  })
})
