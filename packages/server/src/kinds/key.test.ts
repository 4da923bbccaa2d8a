import { beforeAll, beforeEach, expect, test } from 'vitest'
import { ZodError } from 'zod'
import { newId } from '../lib/ids.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller, aKey, aMember, aTeam } from '../testing/fixtures.ts'
import { authenticate } from './account.ts'
import { keyHandlers } from './key.ts'
import type { Caller } from './kind.ts'

eachDatabase((make) => {
  let database: TestDatabase
  let deps: KindDeps
  let ada: Caller & { keyId: string; secret: string }
  beforeAll(async () => {
    database = await make()
  })
  beforeEach(async () => {
    deps = kindDeps(database)
    ada = await aCaller(database.db, { role: 'member' })
  })
  const as = (caller: Caller) => callAs('key', keyHandlers, deps, caller)
  const speaksFor = (secret: string) => authenticate(database.db, deps.clock, secret)

  test('a new key works, and its secret is shown only then', async () => {
    const { secret, ...made } = await as(ada).create({ body: { name: 'laptop' } })
    expect(made).toMatchObject({ name: 'laptop', team: { id: ada.teamId, name: ada.teamName }, expiresAt: null })
    expect(secret.startsWith(made.prefix)).toBe(true)
    expect(await speaksFor(secret)).toMatchObject({ userId: ada.userId, teamId: ada.teamId, keyId: made.id })
    const list = await as(ada).list({})
    expect(list.items.map((key) => key.name)).toContain('laptop')
    const events = await deps.feed.read(ada.teamId, { after: 0, limit: 10 })
    expect(events).toMatchObject([{ type: 'key.created', subject: made.id, actor: ada.userName }])
    expect(JSON.stringify([list, events])).not.toContain(secret.slice(15))
  })

  test('one that expires', async () => {
    const { secret, expiresAt } = await as(ada).create({ body: { name: 'short', expiresInDays: 1 } })
    expect(expiresAt).toBe('2026-01-02T00:00:00.000Z')
    deps.clock.advance(24 * 60 * 60 * 1000)
    await expect(speaksFor(secret)).rejects.toMatchObject({ code: 'key_expired' })
    expect((await as(ada).list({})).items.map((key) => key.name)).toContain('short')
  })

  test('for another team of the same person, by name or id, and for no other', async () => {
    const second = await aTeam(database.db)
    await aMember(database.db, { teamId: second.id, userId: ada.userId, role: 'admin' })
    for (const team of [second.id, second.name]) {
      const { secret } = await as(ada).create({ body: { name: 'second', team } })
      expect(await speaksFor(secret)).toMatchObject({ teamId: second.id, role: 'admin' })
    }
    const stranger = await aCaller(database.db)
    for (const team of [stranger.teamId, stranger.teamName, newId('team')]) {
      const call = as(ada).create({ body: { name: 'x', team } })
      await expect(call).rejects.toMatchObject({ code: 'not_found', params: { noun: 'team', id: team } })
    }
  })

  test('fields that are not in the contract are refused', async () => {
    for (const extra of [{ userId: 'u1' }, { hash: 'x' }, { lastUsedAt: null }]) {
      await expect(as(ada).create({ body: { name: 'x', ...extra } })).rejects.toThrow(ZodError)
    }
  })

  test('a revoked key stops at once and is gone from the list', async () => {
    const { secret, id } = await as(ada).create({ body: { name: 'lost' } })
    expect(await as(ada).revoke({ key: 'lost' })).toEqual({ revoked: true })
    await expect(speaksFor(secret)).rejects.toMatchObject({ code: 'unauthenticated' })
    expect((await as(ada).list({})).items.map((key) => key.id)).not.toContain(id)
    await expect(as(ada).revoke({ key: id })).rejects.toMatchObject({ code: 'not_found' })
    expect(await deps.feed.read(ada.teamId, { after: 0, limit: 10, subject: id })).toMatchObject([
      { type: 'key.created' },
      { type: 'key.revoked' },
    ])
  })

  test('keys of other people are not found, also those of an admin of the same team', async () => {
    const admin = await aCaller(database.db, { team: { id: ada.teamId, name: ada.teamName } })
    const stranger = await aCaller(database.db)
    for (const other of [admin, stranger]) {
      await expect(as(ada).revoke({ key: other.keyId })).rejects.toMatchObject({ code: 'not_found' })
      expect(await speaksFor(other.secret)).toMatchObject({ keyId: other.keyId })
      expect((await as(ada).list({})).items.map((key) => key.id)).not.toContain(other.keyId)
    }
  })

  test('of two with one name, the id must be given', async () => {
    const [first, second] = [
      await as(ada).create({ body: { name: 'twin' } }),
      await as(ada).create({ body: { name: 'twin' } }),
    ]
    const refusal = await as(ada)
      .revoke({ key: 'twin' })
      .catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'conflict' })
    expect(String(refusal)).toContain(first.id)
    await as(ada).revoke({ key: first.id })
    await as(ada).revoke({ key: 'twin' })
    await expect(speaksFor(second.secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('the last key that works stays, also when two are revoked at the same time', async () => {
    await aKey(database.db, { userId: ada.userId, teamId: ada.teamId, expiresInDays: 1 })
    deps.clock.advance(25 * 60 * 60 * 1000)
    await expect(as(ada).revoke({ key: ada.keyId })).rejects.toMatchObject({ code: 'conflict' })
    await Promise.all(Array.from({ length: 10 }, revokeBoth))

    async function revokeBoth() {
      const caller = await aCaller(database.db)
      const { row } = await aKey(database.db, caller)
      const both = await Promise.allSettled([
        as(caller).revoke({ key: caller.keyId }),
        as(caller).revoke({ key: row.id }),
      ])
      expect(both.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    }
  })

  test('pages stay as they are while keys are added', async () => {
    for (let count = 0; count < 5; count++) {
      deps.clock.advance(1000)
      await as(ada).create({ body: { name: `key ${count}` } })
    }
    const first = await as(ada).list({ limit: 2 })
    expect(first.items.map((key) => key.name)).toEqual(['key 4', 'key 3'])
    deps.clock.advance(1000)
    await as(ada).create({ body: { name: 'newer' } })
    const second = await as(ada).list({ limit: 2, after: first.next! })
    expect(second.items.map((key) => key.name)).toEqual(['key 2', 'key 1'])
    const third = await as(ada).list({ limit: 2, after: second.next! })
    expect(third.items.map((key) => key.id)).toEqual([expect.any(String), ada.keyId])
    expect(third.next).toBeNull()
  })

  test.each(['nonsense', '', 'MjAyNi0wMS0wMQ', Buffer.from("2026-01-01T00:00:00.000Z ' or 1=1").toString('base64url')])(
    'the cursor %j is refused',
    async (after) => {
      await expect(as(ada).list({ after })).rejects.toMatchObject({ code: 'invalid' })
    },
  )
})
