import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { aTeam } from '../testing/fixtures.ts'
import { eachDatabase, type MakeDatabase, type TestDatabase } from '../testing/database.ts'
import { isDiskFull, isLostRace, isUniqueViolation } from './errors.ts'
import { migrations } from './migrations/index.ts'
import { openDatabase } from './open.ts'
import { inTransaction } from './transaction.ts'

eachDatabase((make, dialect) => {
  describe('opening', () => opening(make))
  describe('queries', () => queries(make))
  describe('transactions', () => transactions(make, dialect))
})

function opening(make: MakeDatabase): void {
  test('what was written is there after opening it again', async () => {
    const first = await make({ empty: true })
    const team = await aTeam(first.db)
    const second = await openDatabase(first.config)
    onTestFinished(() => second.close())
    expect(await second.db.selectFrom('teams').selectAll().execute()).toEqual([team])
  })

  test('one that a newer version has changed is refused and left alone', async () => {
    const { db, config } = await make({ empty: true })
    await sql`insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01T00:00:00.000Z')`.execute(
      db,
    )
    await expect(openDatabase(config)).rejects.toMatchObject({
      code: 'database_newer',
      params: { migration: '9999-later' },
    })
    const { rows } = await sql`select name from kysely_migration`.execute(db)
    expect(rows).toHaveLength(Object.keys(migrations).length + 1)
  })
}

function queries(make: MakeDatabase): void {
  let database: TestDatabase
  beforeAll(async () => {
    database = await make()
  })

  test('numbers are numbers, also large ones, counts and sums', async () => {
    const { db } = database
    const large = 2 ** 52 + 1
    await db.insertInto('counters').values({ name: 'large', value: large }).execute()
    await db.insertInto('counters').values({ name: 'small', value: -3 }).execute()
    const row = await db
      .selectFrom('counters')
      .select(({ fn }) => [
        fn.countAll<number>().as('rows'),
        fn.sum<number>('value').as('sum'),
        fn.max('value').as('max'),
      ])
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ rows: 2, sum: large - 3, max: large })
    const added = await db
      .updateTable('counters')
      .set((eb) => ({ value: eb('value', '+', 4) }))
      .where('name', '=', 'small')
      .returning('value')
      .executeTakeFirstOrThrow()
    expect(added).toEqual({ value: 1 })
  })

  test('an update says how many rows it changed', async () => {
    const { db } = database
    const team = await aTeam(db)
    const update = (name: string) =>
      db.updateTable('teams').set({ name }).where('id', '=', team.id).where('name', '=', team.name).executeTakeFirst()
    expect((await update('other')).numUpdatedRows).toBe(1n)
    expect((await update('third')).numUpdatedRows).toBe(0n)
  })

  test('text is sorted byte by byte, whatever the language of the server', async () => {
    const { db } = database
    const names = ['Zebra', 'a_b', 'a-c', 'aB', 'ab', 'äh', 'j1', 'J2']
    for (const name of names)
      await db.insertInto('leases').values({ name, holder: '', expiresAt: '', token: 0 }).execute()
    const rows = await db.selectFrom('leases').select('name').orderBy('name').execute()
    const bytewise = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(rows.map(({ name }) => name)).toEqual(bytewise)
  })

  test('what breaks a unique column is told from other errors', async () => {
    const { db } = database
    const team = await aTeam(db)
    const byName = await aTeam(db, { name: team.name }).catch((error: unknown) => error)
    const byKey = await aTeam(db, { id: team.id }).catch((error: unknown) => error)
    const notNull = await aTeam(db, { name: null as never }).catch((error: unknown) => error)
    expect([byName, byKey, notNull].map(isUniqueViolation)).toEqual([true, true, false])
    expect([byName, byKey, notNull].map(isDiskFull)).toEqual([false, false, false])
  })
}

function transactions(make: MakeDatabase, dialect: string): void {
  let database: TestDatabase
  beforeAll(async () => {
    database = await make()
  })

  test('all or nothing', async () => {
    const { db } = database
    const before = await db.selectFrom('teams').select('id').execute()
    const failing = inTransaction(db, async (trx) => {
      await aTeam(trx)
      throw new Error('half-way')
    })
    await expect(failing).rejects.toThrow('half-way')
    await inTransaction(db, async (trx) => {
      await aTeam(trx)
      await aTeam(trx)
    })
    expect(await db.selectFrom('teams').select('id').execute()).toHaveLength(before.length + 2)
  })

  test('queries beside an open transaction see nothing of it', async () => {
    const { db } = database
    const name = 'unfinished'
    const find = () => db.selectFrom('teams').select('id').where('name', '=', name).execute()
    const wait = Promise.withResolvers<void>()
    const running = inTransaction(db, async (trx) => {
      await aTeam(trx, { name })
      await wait.promise
      // A rollback: whoever looked in between must not have seen the team.
      throw new Error('undone')
    })
    const beside = find()
    wait.resolve()
    await expect(running).rejects.toThrow('undone')
    expect(await beside).toEqual([])
  })

  test('a query that would wait for its own transaction is refused', async () => {
    const { db } = database
    const wrong = inTransaction(db, async (trx) => {
      await aTeam(trx)
      await db.selectFrom('teams').selectAll().execute()
    })
    await expect(wrong).rejects.toThrow('inside a transaction')
    const nested = inTransaction(db, () => inTransaction(db, async () => 1))
    await expect(nested).rejects.toThrow('inside a transaction')
    // The connection is free again, and work that was started inside but goes on afterwards is fine.
    let later: Promise<unknown> | undefined
    const done = Promise.withResolvers<void>()
    await inTransaction(db, async () => {
      later = done.promise.then(() => db.selectFrom('teams').select('id').limit(1).execute())
    })
    done.resolve()
    expect(await later).toHaveLength(1)
  })

  test('many side by side lose no update', async () => {
    const { db } = database
    await db.insertInto('counters').values({ name: 'hits', value: 0 }).execute()
    await Promise.all(
      Array.from({ length: 40 }, () =>
        inTransaction(db, async (trx) => {
          await trx
            .updateTable('counters')
            .set((eb) => ({ value: eb('value', '+', 1) }))
            .where('name', '=', 'hits')
            .execute()
        }),
      ),
    )
    expect(await db.selectFrom('counters').select('value').where('name', '=', 'hits').execute()).toEqual([
      { value: 40 },
    ])
  })

  if (dialect === 'postgres')
    test('one that loses a deadlock is run again', async () => {
      const { db } = database
      const [first, second] = [await aTeam(db), await aTeam(db)]
      const bothHold = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
      let runs = 0
      const lock = async (own: number, ids: [string, string]) =>
        inTransaction(db, async (trx) => {
          runs++
          for (const [index, id] of ids.entries()) {
            await trx.updateTable('teams').set({ storageQuotaBytes: own }).where('id', '=', id).execute()
            if (index > 0) continue
            bothHold[own === 1 ? 0 : 1].resolve()
            await Promise.all(bothHold.map((hold) => hold.promise))
          }
        })
      await Promise.all([lock(1, [first.id, second.id]), lock(2, [second.id, first.id])])
      expect(runs).toBeGreaterThan(2)
      expect(isLostRace({ code: '40P01' })).toBe(true)
    })
}

describe('a database that cannot be opened', () => {
  let data: string
  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'nabla-open-'))
    return () => rmSync(data, { recursive: true, force: true })
  })

  test('a file that is none', async () => {
    writeFileSync(join(data, 'nabla.db'), 'this is a text and no database, and it is long enough to be taken for one')
    const error = await openDatabase({ data, database: 'sqlite' }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'database_damaged', hint: expect.stringContaining('nabla restore') })
    expect(String(error)).toContain(join(data, 'nabla.db'))
  })

  test('a file whose pages are torn', async () => {
    const folder = join(data, 'torn')
    await (await openDatabase({ data: folder, database: 'sqlite' })).close()
    const file = openSync(join(folder, 'nabla.db'), 'r+')
    writeSync(file, Buffer.alloc(8192, 0xa5), 0, 8192, 100)
    closeSync(file)
    await expect(openDatabase({ data: folder, database: 'sqlite' })).rejects.toMatchObject({ code: 'database_damaged' })
  })

  test.runIf(process.getuid?.() === 0)('a disk without room for it (skipped: this is not root)', async () => {
    const disk = join(data, 'small')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
    try {
      await expect(openDatabase({ data: disk, database: 'sqlite' })).rejects.toMatchObject({
        code: 'data_unusable',
        message: expect.stringContaining('the disk is full'),
      })
    } finally {
      execFileSync('umount', [disk])
    }
  })

  test('a server that does not answer', async () => {
    const database = 'postgres://nobody:hunter2@127.0.0.1:1/nabla'
    const error = await openDatabase({ data, database }).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'database_unavailable' })
    expect(String(error)).not.toContain('hunter2')
  })

  test('the file is for its owner only', async () => {
    const folder = join(data, 'fresh')
    const open = await openDatabase({ data: folder, database: 'sqlite' })
    await aTeam(open.db)
    const modes = ['nabla.db', 'nabla.db-wal'].map((name) => statSync(join(folder, name)).mode & 0o777)
    expect(modes).toEqual([0o600, 0o600])
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    await open.close()
    await expect(open.db.selectFrom('teams').selectAll().execute()).rejects.toThrow()
  })
})
