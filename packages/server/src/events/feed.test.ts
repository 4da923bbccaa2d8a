import type { Event } from '@nabla/api/event'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../db/open.ts'
import { inTransaction } from '../db/transaction.ts'
import { systemClock, TestClock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { eachDatabase, type MakeDatabase, type TestDatabase } from '../testing/database.ts'
import { change } from './change.ts'
import { EventFeed } from './feed.ts'
import { recordEvents } from './record.ts'

eachDatabase((make, dialect) => {
  describe('recording', () => recording(make))
  describe('reading', () => reading(make))
  describe('following', () => following(make))
  if (dialect === 'postgres') describe('several servers', () => severalServers(make))
})

function recording(make: MakeDatabase): void {
  let database: TestDatabase
  beforeAll(async () => {
    database = await make({ empty: true })
  })

  test('numbers go up by one, and a transaction that fails takes none', async () => {
    const { db } = database
    const feed = new EventFeed(db, systemClock)
    expect(await feed.latest()).toBe(0)
    await record(database, 'te1', ['a', 'b'])
    const failing = inTransaction(db, async (trx) => {
      await recordEvents(trx, 0, [{ teamId: 'te1', subject: 'j1', type: 'lost' }])
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await record(database, 'te1', ['c'])
    await inTransaction(db, (trx) => recordEvents(trx, 0, []))
    expect(await seqs(feed, 'te1')).toEqual([1, 2, 3])
    expect(await feed.latest()).toBe(3)
  })

  test('many at once', async () => {
    const feed = new EventFeed(database.db, systemClock)
    const before = await feed.latest()
    const types = Array.from({ length: 2345 }, (_, index) => `t${index}`)
    await record(database, 'te2', types)
    const read = await feed.read('te2', { after: before, limit: 5000 })
    expect(read.map((event) => event.type)).toEqual(types)
    expect(read.map((event) => event.seq)).toEqual(types.map((_, index) => before + 1 + index))
  })
}

function reading(make: MakeDatabase): void {
  let database: TestDatabase
  let feed: EventFeed
  beforeAll(async () => {
    database = await make()
    feed = new EventFeed(database.db, systemClock)
    await inTransaction(database.db, (trx) =>
      recordEvents(trx, Date.UTC(2026, 0, 1), [
        { teamId: 'te1', projectId: 'pr1', subject: 'j1', type: 'job.created', actor: 'ann', data: { name: 'x' } },
        { teamId: 'te1', projectId: 'pr2', subject: 'j2', type: 'job.created' },
        { teamId: 'te2', projectId: 'pr3', subject: 'j3', type: 'job.created' },
        { teamId: 'te1', projectId: 'pr1', subject: 'j1', type: 'job.started' },
      ]),
    )
  })

  test('an event as it was recorded', async () => {
    const [first] = await feed.read('te1', { after: 0, limit: 1 })
    expect(first).toEqual({
      seq: 1,
      at: '2026-01-01T00:00:00.000Z',
      type: 'job.created',
      subject: 'j1',
      projectId: 'pr1',
      actor: 'ann',
      data: { name: 'x' },
    })
  })

  test('only of the team, the resource, the project', async () => {
    expect(await seqs(feed, 'te1')).toEqual([1, 2, 4])
    expect(await seqs(feed, 'te1', { subject: 'j1' })).toEqual([1, 4])
    expect(await seqs(feed, 'te1', { projectId: 'pr2' })).toEqual([2])
    expect(await seqs(feed, 'te2', { subject: 'j1' })).toEqual([])
  })

  test('without a number the last ones, oldest first', async () => {
    const last = await feed.read('te1', { limit: 2 })
    expect(last.map((event) => event.seq)).toEqual([2, 4])
  })

  test('pruning takes the old ones and leaves the numbers alone', async () => {
    const own = await make()
    const feed = new EventFeed(own.db, systemClock)
    const days = Array.from({ length: limits.feedRows + 20 }, (_, day) => day)
    await inTransaction(own.db, async (trx) => {
      for (const day of days)
        await recordEvents(trx, Date.UTC(2026, 0, day), [{ teamId: 't', subject: 's', type: 'x' }])
    })
    const kept = days.length - 10
    expect(await feed.prune(toIso(Date.UTC(2026, 0, kept)))).toBe(kept)
    expect(await seqs(feed, 't')).toHaveLength(10)
    expect(await feed.prune('2020-01-01T00:00:00.000Z')).toBe(0)
    expect(await feed.prune('2099-01-01T00:00:00.000Z')).toBe(10)
    expect(await feed.prune('2099-01-01T00:00:00.000Z')).toBe(0)
    expect(await feed.latest()).toBe(days.length)
  })
}

function following(make: MakeDatabase): void {
  let database: TestDatabase
  beforeAll(async () => {
    database = await make()
  })

  test('what is there and what comes, until told to stop', async () => {
    const feed = new EventFeed(database.db, systemClock)
    await record(database, 'te1', ['one'])
    const stop = new AbortController()
    const events = feed.follow('te1', { after: 0, signal: stop.signal })
    expect((await events.next()).value).toMatchObject({ type: 'one' })
    const next = events.next()
    await change({ db: database.db, feed }, (trx) =>
      recordEvents(trx, 0, [
        { teamId: 'other', subject: 's', type: 'not ours' },
        { teamId: 'te1', subject: 's', type: 'two' },
      ]),
    )
    expect((await next).value).toMatchObject({ type: 'two' })
    const last = events.next()
    stop.abort()
    expect(await last).toEqual({ done: true, value: undefined })
  })

  test('without a hint it looks by itself after a while', async () => {
    const clock = new TestClock()
    const feed = new EventFeed(database.db, clock)
    const stop = new AbortController()
    const events = feed.follow('te2', { after: 0, signal: stop.signal })
    const next = events.next()
    await record(database, 'te2', ['unannounced'])
    const seen: unknown[] = []
    void next.then((result) => seen.push(result.value))
    for (let turn = 0; turn < 1000 && seen.length === 0; turn++) {
      clock.advance(limits.feedPollMs)
      await database.db.selectFrom('counters').selectAll().execute()
    }
    expect(seen).toMatchObject([{ type: 'unannounced' }])
    stop.abort()
    expect(await events.next()).toMatchObject({ done: true })
  })

  test('what is written between a look and the wait after it is not missed', async () => {
    const { db } = database
    class BusyFeed extends EventFeed {
      override async read(...query: Parameters<EventFeed['read']>): Promise<Event[]> {
        const found = await super.read(...query)
        if (found.length === 0) {
          await change({ db, feed: this }, (trx) =>
            recordEvents(trx, 0, [{ teamId: 'te5', subject: 's', type: 'late' }]),
          )
        }
        return found
      }
    }
    // Nothing moves the clock: a hint that is lost is not made up for.
    const feed = new BusyFeed(db, new TestClock())
    const stop = new AbortController()
    expect(await collect(feed, 'te5', stop.signal, 0, 1)).toMatchObject([{ type: 'late' }])
  })

  test('nobody waits, nothing is polled', async () => {
    let timers = 0
    const clock = new TestClock()
    const feed = new EventFeed(database.db, {
      now: () => clock.now(),
      steady: () => clock.steady(),
      after(ms, run) {
        timers++
        const cancel = clock.after(ms, run)
        return () => {
          timers--
          cancel()
        }
      },
    })
    const stop = new AbortController()
    const first = collect(feed, 'te3', stop.signal, 0)
    const second = collect(feed, 'te3', stop.signal, 0)
    await record(database, 'te3', ['x'])
    feed.notify()
    stop.abort()
    await Promise.all([first, second])
    expect(timers).toBe(0)
  })

  test('writers side by side: followers get each event once, in order, none is missed', async () => {
    // Nothing moves the clock: a hint that is lost is not made up for.
    const feed = new EventFeed(database.db, new TestClock())
    const [writers, each] = [8, 25]
    const from = await feed.latest()
    const stop = new AbortController()
    const followers = [1, 2, 3].map(() => collect(feed, 'te4', stop.signal, from, writers * each))
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let count = 0; count < each; count++) {
          await change({ db: database.db, feed }, (trx) =>
            recordEvents(trx, 0, [{ teamId: 'te4', subject: `w${writer}`, type: `n${count}` }]),
          )
        }
      }),
    )
    const expected = Array.from({ length: writers * each }, (_, index) => from + 1 + index)
    for (const events of await Promise.all(followers)) expect(events.map((event) => event.seq)).toEqual(expected)
    stop.abort()
  })
}

function severalServers(make: MakeDatabase): void {
  test('no event is seen before one with a smaller number', async () => {
    const first = await make()
    const second = await openDatabase(first.config)
    const feed = new EventFeed(first.db, systemClock)
    const [writers, each] = [6, 30]
    const stop = new AbortController()
    const follower = collect(feed, 'te1', stop.signal, 0, writers * each)
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        const { db } = writer % 2 === 0 ? first : second
        for (let count = 0; count < each; count++) {
          // Transactions of different length: their commits overtake each other if nothing holds them in order.
          await inTransaction(db, async (trx) => {
            await recordEvents(trx, 0, [{ teamId: 'te1', subject: `w${writer}`, type: 'x' }])
            for (let more = 0; more < (writer + count) % 4; more++) await trx.selectFrom('teams').selectAll().execute()
          })
          feed.notify()
        }
      }),
    )
    const seen = await follower
    expect(seen.map((event) => event.seq)).toEqual(Array.from({ length: writers * each }, (_, index) => index + 1))
    stop.abort()
    await second.close()
  })
}

async function record(database: TestDatabase, teamId: string, types: string[]): Promise<void> {
  const events = types.map((type) => ({ teamId, subject: 'j1', type }))
  await inTransaction(database.db, (trx) => recordEvents(trx, 0, events))
}

async function seqs(feed: EventFeed, teamId: string, filter = {}): Promise<number[]> {
  return (await feed.read(teamId, { after: 0, limit: 1000, ...filter })).map((event) => event.seq)
}

/** Follows until `count` events have come, or the signal aborts. */
async function collect(feed: EventFeed, teamId: string, signal: AbortSignal, after: number, count = Infinity) {
  const events: Event[] = []
  for await (const event of feed.follow(teamId, { after, signal })) {
    events.push(event)
    if (events.length === count) break
  }
  return events
}
