import { ZodError } from 'zod'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../lib/ids.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { aCaller, aKey, aMember, aTeam, aUser } from '../testing/fixtures.ts'
import { authenticate } from './account.ts'
import type { Caller } from './kind.ts'
import { teamHandlers } from './team.ts'
import { userHandlers } from './user.ts'

eachDatabase((make) => {
  let database: TestDatabase
  let deps: KindDeps
  let admin: Caller & { secret: string }
  beforeAll(async () => {
    database = await make()
  })
  beforeEach(async () => {
    deps = kindDeps(database)
    admin = await aCaller(database.db)
  })
  const as = (caller: Caller) => callAs('team', teamHandlers, deps, caller)

  test('who I am', async () => {
    const { user, team, role, key } = await callAs('user', userHandlers, deps, admin).me()
    expect([user.id, user.name, team.id, team.name, role, key?.id]).toEqual([
      admin.userId,
      admin.userName,
      admin.teamId,
      admin.teamName,
      'admin',
      admin.keyId,
    ])
  })

  test('a new team has its maker as the only admin; both teams are listed, those of others are not', async () => {
    const name = `lab ${newId('team')}`
    const made = await as(admin).create({ body: { name } })
    expect(made).toMatchObject({ name, role: 'admin', storageQuotaBytes: null })
    const { items } = await as(admin).list({})
    expect(items.map((team) => team.id).sort()).toEqual([admin.teamId, made.id].sort())
    expect(await deps.feed.read(made.id, { after: 0, limit: 10 })).toMatchObject([
      { type: 'team.created', subject: made.id, actor: admin.userName },
    ])
  })

  test('a name is taken once', async () => {
    const other = await aTeam(database.db)
    const taken = { code: 'name_taken', params: { noun: 'team', name: other.name } }
    await expect(as(admin).create({ body: { name: other.name } })).rejects.toMatchObject(taken)
    await expect(as(admin).update({ team: admin.teamId, body: { name: other.name } })).rejects.toMatchObject(taken)
  })

  test('renaming and a quota; what is left out stays', async () => {
    const team = admin.teamName
    expect(await as(admin).update({ team, body: { storageQuotaBytes: 2 ** 40 } })).toMatchObject({
      name: team,
      storageQuotaBytes: 2 ** 40,
    })
    const name = `renamed ${admin.teamId}`
    const renamed = await as(admin).update({ team, body: { name } })
    expect(renamed).toMatchObject({ name, storageQuotaBytes: 2 ** 40 })
    expect(await as(admin).update({ team: name, body: {} })).toEqual(renamed)
    expect(await as(admin).update({ team: name, body: { storageQuotaBytes: null } })).toMatchObject({
      storageQuotaBytes: null,
    })
    expect(await deps.feed.read(admin.teamId, { after: 0, limit: 10 })).toHaveLength(3)
  })

  test('fields that are not in the contract are refused', async () => {
    const body = { name: 'x', createdAt: 'now' } as never
    await expect(as(admin).create({ body })).rejects.toThrow(ZodError)
    await expect(as(admin).update({ team: admin.teamId, body: { id: 'x' } as never })).rejects.toThrow(ZodError)
    const role = { role: 'owner' } as never
    await expect(as(admin).addMember({ team: admin.teamId, user: 'x', body: role })).rejects.toThrow(ZodError)
  })

  test('a key reaches no team but its own; which of them is told only to those who belong to it', async () => {
    const stranger = await aCaller(database.db)
    const second = await as(admin).create({ body: { name: `second ${newId('team')}` } })
    const teams = [stranger.teamId, stranger.teamName, second.id, second.name, newId('team'), '%']
    for (const team of teams) {
      const calls = [
        () => as(admin).members({ team }),
        () => as(admin).update({ team, body: { name: 'mine' } }),
        () => as(admin).addMember({ team, user: 'eve', body: {} }),
        () => as(admin).removeMember({ team, user: stranger.userId }),
      ]
      const own = team === second.id || team === second.name
      const refusal = own ? { code: 'other_team', params: { team: second.name } } : { code: 'not_found' }
      for (const call of calls) await expect(call()).rejects.toMatchObject({ ...refusal, status: 404 })
    }
    expect(await as(stranger).members({ team: stranger.teamId })).toMatchObject({ items: [{ role: 'admin' }] })
  })

  test('a name that nobody has makes the user, whose first key is shown once', async () => {
    const name = `grace ${newId('user')}`
    const { member, key } = await as(admin).addMember({ team: admin.teamId, user: name, body: {} })
    expect(member).toMatchObject({ name, role: 'member' })
    const grace = await authenticate(database.db, deps.clock, key!)
    expect(grace).toMatchObject({ userId: member.userId, teamId: admin.teamId, role: 'member' })
    const again = await as(admin).addMember({ team: admin.teamId, user: member.userId, body: { role: 'admin' } })
    expect(again).toEqual({ member: { ...member, role: 'admin' }, key: null })
    expect(await authenticate(database.db, deps.clock, key!)).toMatchObject({ role: 'admin' })
    const events = await deps.feed.read(admin.teamId, { after: 0, limit: 10 })
    expect(events.map((event) => event.type)).toEqual(['member.added', 'member.changed'])
    expect(JSON.stringify(events)).not.toContain(key!.slice(15))
  })

  test('a person of another team joins by name and keeps what they have there', async () => {
    const ada = await aCaller(database.db)
    const { member, key } = await as(admin).addMember({ team: admin.teamId, user: ada.userName, body: {} })
    expect([member.userId, key]).toEqual([ada.userId, null])
    expect(await authenticate(database.db, deps.clock, ada.secret)).toMatchObject({ teamId: ada.teamId })
  })

  test.each(['a/b', ' blank ', '..', 'tab\there'])('nobody can be called %j', async (user) => {
    await expect(as(admin).addMember({ team: admin.teamId, user, body: {} })).rejects.toMatchObject({ code: 'invalid' })
  })

  test('an id that nobody has makes no user', async () => {
    const user = newId('user')
    await expect(as(admin).addMember({ team: admin.teamId, user, body: {} })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('who is taken out loses the keys of this team at once, and only those', async () => {
    const { db } = database
    const ada = await aCaller(db)
    await aMember(db, { teamId: admin.teamId, userId: ada.userId })
    const { secret } = await aKey(db, { teamId: admin.teamId, userId: ada.userId })
    expect(await authenticate(db, deps.clock, secret)).toMatchObject({ teamId: admin.teamId })
    await as(admin).removeMember({ team: admin.teamId, user: ada.userName })
    await expect(authenticate(db, deps.clock, secret)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect(await authenticate(db, deps.clock, ada.secret)).toMatchObject({ teamId: ada.teamId })
    // Nor do they come back with the person.
    await as(admin).addMember({ team: admin.teamId, user: ada.userName, body: {} })
    await expect(authenticate(db, deps.clock, secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('a person who is not in the team cannot be taken out of it', async () => {
    const stranger = await aCaller(database.db)
    for (const user of [stranger.userId, stranger.userName, 'nobody at all']) {
      const call = as(admin).removeMember({ team: admin.teamId, user })
      await expect(call).rejects.toMatchObject({ code: 'not_found', params: { noun: 'user', id: user } })
    }
    expect(await authenticate(database.db, deps.clock, stranger.secret)).toMatchObject({ role: 'admin' })
  })

  test('the last admin stays, also when two leave at the same time', async () => {
    const team = admin.teamId
    const conflict = { code: 'conflict' }
    await expect(as(admin).removeMember({ team, user: admin.userId })).rejects.toMatchObject(conflict)
    const demote = (caller: Caller, user: string) =>
      as(caller).addMember({ team: caller.teamId, user, body: { role: 'member' } })
    await expect(demote(admin, admin.userId)).rejects.toMatchObject(conflict)
    await Promise.all(Array.from({ length: 10 }, demoteEachOther))

    async function demoteEachOther() {
      const first = await aCaller(database.db)
      const team = { id: first.teamId, name: first.teamName }
      const second = await aCaller(database.db, { team })
      const both = await Promise.allSettled([demote(second, first.userId), demote(first, second.userId)])
      expect(both.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
      const { items } = await as(first).members({ team: team.id })
      expect(items.map((member) => member.role).toSorted()).toEqual(['admin', 'member'])
    }
  })

  test('a role that was taken away while a request waited is not used', async () => {
    await database.db.updateTable('members').set({ role: 'member' }).where('userId', '=', admin.userId).execute()
    const call = as(admin).addMember({ team: admin.teamId, user: 'eve', body: { role: 'admin' } })
    await expect(call).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('members and users of the team, page by page', async () => {
    const { db } = database
    for (let count = 0; count < 6; count++) {
      await aMember(db, { teamId: admin.teamId, userId: (await aUser(db)).id })
    }
    await aCaller(db)
    const people = callAs('user', userHandlers, deps, admin)
    for (const read of [
      async (after?: string) => {
        const page = await as(admin).members({ team: admin.teamId, limit: 3, ...(after ? { after } : {}) })
        return { ids: page.items.map((member) => member.userId), next: page.next }
      },
      async (after?: string) => {
        const page = await people.list({ limit: 3, ...(after ? { after } : {}) })
        return { ids: page.items.map((user) => user.id), next: page.next }
      },
    ]) {
      const first = await read()
      const second = await read(first.next!)
      const third = await read(second.next!)
      expect([first, second, third].map((page) => page.ids.length)).toEqual([3, 3, 1])
      expect(third.next).toBeNull()
      expect(new Set([first, second, third].flatMap((page) => page.ids)).size).toBe(7)
    }
  })
})
