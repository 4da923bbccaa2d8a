import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../db/open.ts'
import { fromIso, TestClock } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { eachDatabase, type MakeDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller, aKey, aTeam } from '../testing/fixtures.ts'
import { authenticate, bootstrap, makeOwnerKey } from './account.ts'

const dayMs = 24 * 60 * 60 * 1000

eachDatabase((make) => {
  describe('the first start', () => firstStart(make))
  describe('who a key speaks for', () => keys(make))
})

function firstStart(make: MakeDatabase): void {
  test('makes an admin whose key works, once', async () => {
    const { db } = await make()
    const clock = new TestClock()
    const first = await bootstrap(db, clock)
    expect(first).toEqual({
      userName: 'admin',
      teamName: 'main',
      secret: expect.stringMatching(/^nabla_[0-9a-z]{32}$/) as string,
    })
    expect(await authenticate(db, clock, first!.secret)).toMatchObject({
      userName: 'admin',
      teamName: 'main',
      role: 'admin',
    })
    expect(await bootstrap(db, clock)).toBeNull()
    expect(await db.selectFrom('keys').select('id').execute()).toHaveLength(1)
  })

  test('an owner who has lost all keys gets another one', async () => {
    const { db } = await make()
    const clock = new TestClock()
    expect(await makeOwnerKey(db, clock)).toBeNull()
    await bootstrap(db, clock)
    await db.deleteFrom('keys').execute()
    const rescued = await makeOwnerKey(db, clock)
    expect(await authenticate(db, clock, rescued!.secret)).toMatchObject({ userName: 'admin', role: 'admin' })
  })

  test('the key itself is nowhere in the database', async () => {
    const { db } = await make()
    const first = await bootstrap(db, new TestClock())
    const rows = [
      await db.selectFrom('keys').selectAll().execute(),
      await db.selectFrom('events').selectAll().execute(),
      await db.selectFrom('users').selectAll().execute(),
    ]
    expect(rows.flat().length).toBeGreaterThan(3)
    expect(JSON.stringify(rows)).not.toContain(first!.secret)
    expect(JSON.stringify(rows)).not.toContain(first!.secret.slice(15))
  })

  test('two servers that start together make one admin', async () => {
    const { db, config } = await make()
    const other = await openDatabase(config)
    onTestFinished(() => other.close())
    const clock = new TestClock()
    // On SQLite the data folder is locked, so that there the two are one server.
    const both = await Promise.all([
      bootstrap(db, clock),
      bootstrap(config.database === 'sqlite' ? db : other.db, clock),
    ])
    expect(both.filter((made) => made !== null)).toHaveLength(1)
    expect(await db.selectFrom('members').selectAll().execute()).toHaveLength(1)
  })
}

function keys(make: MakeDatabase): void {
  let database: TestDatabase
  beforeAll(async () => {
    database = await make()
  })

  test('the person, the team and the role of now', async () => {
    const { db } = database
    const clock = new TestClock()
    const { secret, ...caller } = await aCaller(db, { role: 'admin' })
    expect(await authenticate(db, clock, secret)).toEqual(caller)
    await db.updateTable('members').set({ role: 'member' }).where('userId', '=', caller.userId).execute()
    await db.updateTable('teams').set({ name: 'renamed' }).where('id', '=', caller.teamId).execute()
    expect(await authenticate(db, clock, secret)).toEqual({ ...caller, role: 'member', teamName: 'renamed' })
  })

  test.each([
    ['nothing', ''],
    ['another text', 'hello'],
    ['a key that was never made', `nabla_${'0'.repeat(32)}`],
    ['a pattern', `nabla_${'%'.repeat(32)}`],
    ['a long text', `nabla_${'0'.repeat(100_000)}`],
  ])('%s is refused', async (_, secret) => {
    await expect(authenticate(database.db, new TestClock(), secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('the hash of a key is no key', async () => {
    const { db } = database
    const { keyId } = await aCaller(db)
    const { hash } = await db.selectFrom('keys').select('hash').where('id', '=', keyId).executeTakeFirstOrThrow()
    for (const text of [hash, `nabla_${hash.slice(0, 32)}`]) {
      await expect(authenticate(db, new TestClock(), text)).rejects.toMatchObject({ code: 'unauthenticated' })
    }
  })

  test('works until it expires, and not a moment longer', async () => {
    const { db } = database
    const clock = new TestClock()
    const { userId, teamId } = await aCaller(db)
    const { secret } = await aKey(db, { userId, teamId, expiresInDays: 2 })
    clock.advance(2 * dayMs - 1)
    expect(await authenticate(db, clock, secret)).toMatchObject({ userId })
    clock.advance(1)
    await expect(authenticate(db, clock, secret)).rejects.toMatchObject({
      code: 'key_expired',
      params: { date: '2026-01-03' },
    })
  })

  test('stops at once when it is revoked, or when the person is no longer in the team', async () => {
    const { db } = database
    const clock = new TestClock()
    const revoked = await aCaller(db)
    const removed = await aCaller(db)
    await aCaller(db, { team: { id: removed.teamId, name: removed.teamName } })
    expect(await authenticate(db, clock, revoked.secret)).toMatchObject({ keyId: revoked.keyId })
    expect(await authenticate(db, clock, removed.secret)).toMatchObject({ keyId: removed.keyId })
    await db.deleteFrom('keys').where('id', '=', revoked.keyId).execute()
    await db.deleteFrom('members').where('userId', '=', removed.userId).execute()
    for (const { secret } of [revoked, removed]) {
      await expect(authenticate(db, clock, secret)).rejects.toMatchObject({ code: 'unauthenticated' })
    }
  })

  test('a key of one team does not speak for another of the same person', async () => {
    const { db } = database
    const caller = await aCaller(db)
    const other = await aTeam(db)
    await db.updateTable('members').set({ teamId: other.id }).where('userId', '=', caller.userId).execute()
    await expect(authenticate(db, new TestClock(), caller.secret)).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('the time of use is noted, at most once a minute', async () => {
    const { db } = database
    const clock = new TestClock()
    const { secret, keyId } = await aCaller(db)
    const lastUsed = async () => {
      await authenticate(db, clock, secret)
      const row = await db.selectFrom('keys').select('lastUsedAt').where('id', '=', keyId).executeTakeFirstOrThrow()
      return fromIso(row.lastUsedAt!)
    }
    const first = clock.now()
    expect(await lastUsed()).toBe(first)
    clock.advance(limits.keyUsedMs - 1)
    expect(await lastUsed()).toBe(first)
    clock.advance(1)
    expect(await lastUsed()).toBe(first + limits.keyUsedMs)
  })
}
