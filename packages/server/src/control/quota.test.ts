import { describe, expect, test } from 'vitest'
import { eachDatabase } from '../testing/database.ts'
import { startTestServer, type TestServer } from '../testing/server.ts'

const MiB = 1024 * 1024

/** Writes this much to the storage of the team by the API. */
const put = (server: TestServer, path: string, bytes: number) =>
  server.client.storage.put({ path, body: new Uint8Array(bytes) })

/** Lets the quotas be looked at, and what follows from it happen. */
async function look(server: TestServer): Promise<void> {
  server.clock.advance(2000)
  await expect.poll(() => server.running().deps.loop.idle()).toBeUndefined()
}

const logOf = async (server: TestServer, job: string) =>
  (await server.client.job.logs({ job })).items.map((line) => line.text)

eachDatabase((make) => {
  describe('a storage quota', () => {
    test('is a clear error for an upload that would exceed it', async () => {
      const server = await startTestServer(make)
      await server.client.team.update({ team: 'main', body: { storageQuotaBytes: MiB } })
      await put(server, 'a', 1000)
      await expect(put(server, 'b', 2 * MiB)).rejects.toMatchObject({ status: 507, code: 'quota_exceeded' })
      expect((await server.client.storage.list({})).items.map((entry) => entry.path)).toEqual(['a'])
      expect(await server.client.storage.usage()).toMatchObject({ quotaBytes: MiB, files: 1 })
    })

    test('makes a full storage read-only for running jobs, and writable again when there is room', async () => {
      const server = await startTestServer(make)
      await put(server, 'big', 2 * MiB)
      const job = await server.client.job.create({ body: { command: 'run=6000s', project: 'p' } })
      await server.untilState(job.id, 'running')
      const [task] = server.fake.ids()
      await server.client.team.update({ team: 'main', body: { storageQuotaBytes: 1_000_000 } })
      await expect.poll(() => look(server).then(() => [...server.fake.readOnly])).toEqual([`${task} /storage`])
      await server.client.storage.delete({ path: 'big' })
      await expect.poll(() => look(server).then(() => [...server.fake.readOnly])).toEqual([])
      await expect.poll(() => look(server).then(() => logOf(server, job.id))).toHaveLength(2)
      await server.client.job.stop({ job: job.id, body: {} })
      await server.untilState(job.id, 'cancelled')
      expect(await logOf(server, job.id)).toEqual([
        expect.stringContaining('(1 MB): /storage is read-only until there is room'),
        expect.stringContaining('/storage can be written to'),
      ])
    })

    test('stops a job that cannot be kept from writing far beyond it', async () => {
      const server = await startTestServer(make)
      await put(server, 'big', 2 * MiB)
      const job = await server.client.job.create({ body: { command: 'run=6000s', project: 'p' } })
      await server.untilState(job.id, 'running')
      server.fake.writing.add(server.fake.ids()[0]!)
      await server.client.team.update({ team: 'main', body: { storageQuotaBytes: MiB } })
      const ended = await server.untilState(job.id, 'error')
      expect(ended.reason).toContain('the storage of the team was full')
    })
  })
})
