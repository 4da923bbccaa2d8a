import { randomBytes } from 'node:crypto'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { collectAll } from './support/collect.ts'
import {
  ended,
  removeFolder,
  type ServerProcess,
  startServerProcess,
  temporaryFolder,
  until,
} from './support/server-process.ts'
import { canMount, fillDisk, mountDisk } from './support/small-disk.ts'
import { difference, fetchWorkspace, jobOf, startNabla, submitting } from './support/sync-client.ts'

const MiB = 1024 * 1024

test.skipIf(!canMount())(
  'a disk that fills up while a folder is sent, made ready, fetched and collected (needs root, to mount a disk)',
  async () => {
    const disk = mountDisk('320m')
    const server = await startServerProcess({ data: join(disk, 'data') })
    const home = temporaryFolder()
    onTestFinished(() => removeFolder(home))
    const folder = join(home, 'folder')
    mkdirSync(folder)
    for (let n = 0; n < 60; n++) writeFileSync(join(folder, `file-${n}`), randomBytes(MiB))

    // Some of it arrives, and then no more.
    const empty = fillDisk(disk, 30)
    const refused = await startNabla(server, home, submitting(folder)).end
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('disk of the server is full'),
    })
    expect(globSync(join(server.data, '**/+new/*'))).toEqual([])
    empty()
    await untilRoom(server)

    // All of it arrives, and there is no room for what the job needs: after some tries it ends and says so.
    const emptyAgain = fillDisk(disk, 90)
    const first = jobOf(await startNabla(server, home, submitting(folder)).end)
    expect(await ended(server, first)).toMatchObject({ state: 'error', reason: expect.stringMatching(/disk .*full/) })
    expect(globSync(join(server.data, 'cache/trees/*/*'))).toEqual([])
    emptyAgain()
    await untilRoom(server)
    const { id: job } = await server.client.job.clone({ job: first, body: {} })
    expect(await ended(server, job)).toMatchObject({ state: 'succeeded' })

    // To fetch it takes no room.
    const emptyAtLast = fillDisk(disk, 0)
    await fetchWorkspace(server, job, join(home, 'back'))
    expect(difference(folder, join(home, 'back'))).toBe('')
    emptyAtLast()
    await untilRoom(server)
    expect((await startNabla(server, home, ['fsck']).end).code).toBe(0)
    expect(server.log()).not.toContain('a request failed by a bug')

    // What half of the files alone needed can go also when there is no room to put the rest together.
    for (let n = 0; n < 60; n += 2) writeFileSync(join(folder, `file-${n}`), randomBytes(100))
    const last = jobOf(await startNabla(server, home, submitting(folder)).end)
    await ended(server, last)
    for (const id of [first, job]) await server.client.job.delete({ job: id, force: 'true' })
    await server.kill()
    const emptyInTheEnd = fillDisk(disk, 4)
    await collectAll(server.data, { forMs: 2000 })
    emptyInTheEnd()
    expect(await collectAll(server.data)).toBe(0)
    await server.start()
    await fetchWorkspace(server, last, join(home, 'last'))
    expect(difference(folder, join(home, 'last'))).toBe('')
    expect((await startNabla(server, home, ['fsck']).end).code).toBe(0)
  },
  400_000,
)

/** Until the server takes what is sent to it. */
async function untilRoom({ client }: ServerProcess): Promise<void> {
  await until(() => client.tree.lacking({ body: {} }))
}
