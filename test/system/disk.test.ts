import { readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeTar } from '../../packages/server/src/volumes/archive-bytes.ts'
import { ended, linesOf, run, startServerProcess, until } from './support/server-process.ts'
import { canMount, mountDisk } from './support/small-disk.ts'
import { leftovers } from './support/task-files.ts'

const MiB = 1024 * 1024

test.skipIf(!canMount())(
  'a job that fills the disk harms nobody but itself (needs root, to mount a disk)',
  async () => {
    const disk = mountDisk('192m')
    const server = await startServerProcess({ data: join(disk, 'data') })
    const { client } = server
    const steps =
      'for i in $(seq 1 40); do echo "step $i"; sleep 0.1; done; until [ -e /storage/go ]; do sleep 0.1; done; echo over; exit 4'
    const other = await client.job.create({ body: { command: steps, project: 'disk' } })
    await until(async () => expect(await linesOf(server, other.id)).toContain('step 1'))

    const fill = 'echo begin; dd if=/dev/zero of=/storage/big bs=1M 2>&1; echo "dd said $?"; sleep 2; exit 3'
    const filler = await client.job.create({ body: { command: fill, project: 'disk' } })
    await until(() => expect(statfsSync(disk).bavail).toBeLessThan(64))

    // The server answers, says what is wrong, and takes no more.
    await until(async () => {
      await client.workspace
        .upload({ body: new Uint8Array(makeTar([{ path: 'a', content: Buffer.alloc(40 * MiB) }])) })
        .then(
          () => expect.unreachable('there was room'),
          (error: unknown) => expect(error).toMatchObject({ status: 507, code: 'disk_full' }),
        )
    })
    expect((await client.server.doctor()).findings).toContainEqual(
      expect.objectContaining({ topic: 'disk', level: expect.not.stringMatching('ok') }),
    )

    // It ran to its own end and says so, though no byte was free.
    expect(await ended(server, filler.id)).toMatchObject({ state: 'failed', exitCode: 3 })
    const said = await linesOf(server, filler.id)
    expect(said.join('\n')).toContain('No space left on device')
    expect(said.at(-1)).toBe('dd said 1')

    // There is room again, for everything.
    await until(() => client.storage.delete({ path: 'big' }))
    await until(() => client.storage.put({ path: 'go', body: '' }))
    const end = await ended(server, other.id)
    expect(end).toMatchObject({ state: 'failed', exitCode: 4, attempt: 1 })
    const lines = await linesOf(server, other.id)
    expect(lines).toEqual([...Array.from({ length: 40 }, (_, index) => `step ${index + 1}`), 'over'])
    await until(async () => {
      expect(await run(server, 'echo hello')).toMatchObject({ state: 'succeeded' })
    })
    await until(() => expect(leftovers(server.data)).toEqual([]))
    expect(readdirSync(join(server.data, 'volumes/.staging'))).toEqual([])
  },
)
