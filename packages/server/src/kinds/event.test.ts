import { beforeAll, beforeEach, expect, test } from 'vitest'
import { change } from '../events/change.ts'
import { recordEvents } from '../events/record.ts'
import { callAs, type KindDeps, kindDeps } from '../testing/call.ts'
import { eachDatabase, type TestDatabase } from '../testing/database.ts'
import { aCaller, aProject, start } from '../testing/fixtures.ts'
import { eventHandlers } from './event.ts'
import type { Caller } from './kind.ts'

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
  const as = (caller: Caller) => callAs('event', eventHandlers, deps, caller)
  const happen = (caller: Caller, types: string[], projectId: string | null = null) =>
    change(deps, (trx) =>
      recordEvents(
        trx,
        start,
        types.map((type) => ({ teamId: caller.teamId, projectId, subject: `of ${type}`, type })),
      ),
    )
  const types = (page: { items: { type: string }[] }) => page.items.map(({ type }) => type)

  test('the latest, and page by page from a number on', async () => {
    const from = await deps.feed.latest()
    await happen(ada, ['a', 'b', 'c', 'd', 'e'])
    await happen(await aCaller(database.db), ['not ours'])
    const latest = await as(ada).list({ limit: 2 })
    expect([types(latest), latest.next]).toEqual([['d', 'e'], null])
    const first = await as(ada).list({ limit: 3, after: from })
    expect(types(first)).toEqual(['a', 'b', 'c'])
    const second = await as(ada).list({ limit: 3, after: Number(first.next) })
    expect([types(second), second.next]).toEqual([['d', 'e'], null])
    expect(types(await as(ada).list({ subject: 'of b' }))).toEqual(['b'])
  })

  test('of a noun or a type, of a person or of nobody, and what was before', async () => {
    await happen(ada, ['job.started', 'job.failed', 'jobs.other', 'key.created'])
    await change(deps, (trx) =>
      recordEvents(trx, start, [{ teamId: ada.teamId, subject: 'x', type: 'job.created', actor: ada.userName }]),
    )
    expect(types(await as(ada).list({ type: 'job' }))).toEqual(['job.started', 'job.failed', 'job.created'])
    expect(types(await as(ada).list({ type: 'job.failed' }))).toEqual(['job.failed'])
    expect(types(await as(ada).list({ actor: ada.userName }))).toEqual(['job.created'])
    const mine = await as(ada).list({ actor: 'server', type: 'job', limit: 1 })
    expect(types(mine)).toEqual(['job.failed'])
    const before = mine.items[0]!.seq
    expect(types(await as(ada).list({ actor: 'server', type: 'job', before }))).toEqual(['job.started'])
  })

  test('of a project, which must be one of the team', async () => {
    const project = await aProject(database.db, { teamId: ada.teamId })
    await happen(ada, ['elsewhere'])
    await happen(ada, ['here'], project.id)
    for (const name of [project.id, project.name])
      expect(types(await as(ada).list({ project: name }))).toEqual(['here'])
    const foreign = await aProject(database.db, { teamId: (await aCaller(database.db)).teamId })
    for (const name of [foreign.id, foreign.name]) {
      await expect(as(ada).list({ project: name })).rejects.toMatchObject({ code: 'not_found' })
      await expect(take(as(ada).stream({ project: name }), 1)).rejects.toMatchObject({ code: 'not_found' })
    }
  })

  test('the stream begins now, or after a number, or where it was broken off', async () => {
    const from = await deps.feed.latest()
    await happen(ada, ['a', 'b', 'c'])
    expect(await take(as(ada).stream({ after: from }), 3)).toEqual(['a', 'b', 'c'])
    const resumed = as(ada).stream({ after: from }, { headers: { 'last-event-id': String(from + 2) } })
    expect(await take(resumed, 1)).toEqual(['c'])
    const live = as(ada).stream({ subject: 'of later' })[Symbol.asyncIterator]()
    const seen: unknown[] = []
    void live.next().then((result) => seen.push(result.value))
    // It begins when it has looked where the end is: until then, what happens may be before that.
    for (let turn = 0; turn < 1000 && seen.length === 0; turn++) await happen(ada, ['unasked', 'later'])
    expect(seen).toMatchObject([{ data: { type: 'later' } }])
    await live.return?.()
  })

  test.each(['-1', 'x', '1.5', '9'.repeat(30)])('Last-Event-ID %j is refused', async (id) => {
    const stream = as(ada).stream({}, { headers: { 'last-event-id': id } })
    await expect(take(stream, 1)).rejects.toMatchObject({ code: 'invalid' })
  })
})

async function take(stream: AsyncIterable<{ id: string; data: { type: string; seq: number } }>, count: number) {
  const seen: string[] = []
  for await (const { id, data } of stream) {
    expect(id).toBe(String(data.seq))
    seen.push(data.type)
    if (seen.length === count) break
  }
  return seen
}
