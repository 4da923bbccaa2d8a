import { writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { aCaller } from '../testing/fixtures.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const dayMs = 24 * 3_600_000

/** A job that has ended and left a file. */
async function ended(server: TestServer, name: string, project = 'p'): Promise<string> {
  const { db, volumes } = server.running().deps
  const job = await server.client.job.create({ body: { command: 'run=1s', project, name } })
  await server.untilState(job.id, 'succeeded')
  const { id } = await db.selectFrom('volumes').select('id').where('ownerId', '=', job.id).executeTakeFirstOrThrow()
  await writeFile(join(volumes.volumeDir(id), 'model'), name)
  await db.updateTable('volumes').set({ files: 1, sizeBytes: 4096 }).where('id', '=', id).execute()
  server.clock.advance(1000)
  return volumes.volumeDir(id)
}

/** Lets the sweep look again. */
async function sweep(server: TestServer): Promise<void> {
  server.clock.advance(700_000)
  await server.running().deps.loop.idle()
}

eachDatabase((make) => {
  test('a rule deletes what neither of its bounds keeps, says so, and leaves the job', async () => {
    const server = await startTestServer(make)
    const { artifact } = server.client
    const [old, middle, young] = [
      await ended(server, 'old'),
      await ended(server, 'middle'),
      await ended(server, 'young'),
    ]
    const other = await ended(server, 'other', 'q')
    const names = (preview: { items: { job: { name: string } }[] }) => preview.items.map(({ job }) => job.name)
    expect(names(await artifact.previewRetention({ body: {} }))).toEqual([])
    expect(names(await artifact.previewRetention({ body: { keepLast: 1 } }))).toEqual(['middle', 'old'])
    expect(names(await artifact.previewRetention({ project: 'p', body: { keepDays: 1 } }))).toEqual([])

    await artifact.setRetention({ project: 'p', body: { keepLast: 1, keepDays: 1 } })
    await sweep(server)
    expect([old, middle, young, other].map((dir) => existsSync(dir))).toEqual([true, true, true, true])
    server.clock.advance(dayMs)
    await expect
      .poll(async () => {
        await sweep(server)
        return [old, middle, young, other].map((dir) => existsSync(dir))
      })
      .toEqual([false, false, true, true])

    await expect(artifact.list({ job: 'old' })).rejects.toMatchObject({ status: 410, code: 'artifacts_gone' })
    await expect(artifact.get({ job: 'old', path: 'model' })).rejects.toMatchObject({ code: 'artifacts_gone' })
    const job = await server.client.job.show({ job: 'old' })
    const { items } = await server.client.event.list({ subject: job.id, after: 0 })
    expect(items.find(({ type }) => type === 'artifacts.deleted')?.data).toEqual({
      files: 1,
      sizeBytes: 4096,
      rule: { keepLast: 1, keepDays: 1 },
    })
    expect(names(await artifact.previewRetention({ body: {} }))).toEqual([])
  })

  test('the rule of a project goes before that of the team, which admins set', async () => {
    const server = await startTestServer(make)
    const { artifact } = server.client
    const team = (await server.client.team.list({})).items[0]!
    const member = await aCaller(server.running().deps.db, { team, role: 'member' })
    const theirs = server.clientFor(member.secret).artifact
    await server.client.project.create({ body: { name: 'p' } })
    await expect(theirs.setRetention({ body: { keepLast: 1 } })).rejects.toMatchObject({ code: 'forbidden' })
    await expect(artifact.setRetention({ body: {} })).rejects.toMatchObject({ code: 'invalid' })
    await artifact.setRetention({ body: { keepDays: 7 } })
    await theirs.setRetention({ project: 'p', body: { keepLast: 3 } })
    const rules = async (query: object) =>
      (await artifact.showRetention(query)).items.map(({ project, keepLast, keepDays }) => [
        project?.name ?? null,
        keepLast,
        keepDays,
      ])
    expect(await rules({})).toEqual([
      [null, null, 7],
      ['p', 3, null],
    ])
    expect(await rules({ project: 'p' })).toEqual([['p', 3, null]])
    expect(await theirs.clearRetention({ project: 'p' })).toEqual({ cleared: true })
    expect(await rules({ project: 'p' })).toEqual([[null, null, 7]])
    await expect(theirs.clearRetention({})).rejects.toMatchObject({ code: 'forbidden' })
  })
})
