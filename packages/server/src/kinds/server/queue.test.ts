import { expect, test } from 'vitest'
import { eachDatabase } from '../../testing/database.ts'
import { startTestServer } from '../../testing/server.ts'

eachDatabase((make) => {
  test('the queue is told in its order, with what each waits for; other teams are counted only', async () => {
    const server = await startTestServer(make, { cpus: 1, memoryBytes: 2 ** 33, gpus: [] })
    expect(await server.client.server.queue({})).toEqual({ items: [], next: null })
    const submit = (name: string, priority = 50) =>
      server.client.job.create({ body: { name, project: 'p', command: 'run=60s', priority } })
    const running = await submit('running')
    await server.untilState(running.id, 'running')
    await submit('first')
    await submit('urgent', 99)
    await server.running().deps.loop.idle()
    const { items } = await server.client.server.queue({})
    expect(items.map(({ job, position }) => [job.name, position])).toEqual([
      ['urgent', 1],
      ['first', 2],
    ])
    expect(items[0]).toMatchObject({ project: { name: 'p' }, why: expect.stringContaining('processors') })
    expect((await server.client.server.queue({ limit: 1 })).items).toHaveLength(1)

    const other = await server.client.team.create({ body: { name: 'other' } })
    const { secret } = await server.client.key.create({ body: { name: 'theirs', team: other.id } })
    expect(await server.clientFor(secret).server.queue({})).toEqual({ items: [], next: null })
  })
})
