import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Client, createClient } from '@nabla/api/client'
import type { Job } from '@nabla/api/job'
import pino from 'pino'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { loadConfig } from '../../config.ts'
import { missing, startTestDaemon, type TestDaemon, testImage } from '../../engines/docker/testing/daemon.ts'
import {
  makeTestRegistry,
  missingRegistry,
  registryLogin,
  type TestRegistry,
} from '../../engines/docker/testing/registry.ts'
import { type RunningServer, startServer } from '../../main.ts'

const reason = missing.podman ?? missingRegistry

describe.skipIf(reason !== null)(reason === null ? 'a job with an image' : `a job with an image: ${reason}`, () => {
  const data = mkdtempSync(join(tmpdir(), 'nabla-images-'))
  let registry: TestRegistry
  let daemon: TestDaemon
  let server: RunningServer
  let client: Client
  beforeAll(async () => {
    registry = await makeTestRegistry()
    daemon = await startTestDaemon('podman', registry.address)
    const settings = { data, port: 0, engines: ['process', 'docker'], docker: { socket: daemon.socket } }
    server = await startServer(loadConfig(settings, { PATH: process.env['PATH'] }), { log: pino({ level: 'silent' }) })
    client = createClient({ url: server.url, key: server.firstKey ?? '' })
  })
  afterAll(async () => {
    await server?.close()
    rmSync(data, { recursive: true, force: true })
    await daemon?.close()
    await registry?.close()
  })

  type Body = Parameters<Client['job']['create']>[0]['body']
  const ended = async ({ id }: Pick<Job, 'id'>) => {
    for (;;) {
      const job = await client.job.wait({ job: id, seconds: 30 })
      if (['succeeded', 'failed', 'error', 'cancelled'].includes(job.state)) return job
    }
  }
  const run = async (body: Partial<Body>) =>
    ended(await client.job.create({ body: { project: 'images', command: 'true', ...body } }))
  const logOf = async ({ id }: Job) => (await client.job.logs({ job: id })).items.map(({ text }) => text).join('\n')

  test('goes to the engine that has images, and one without to the machine itself', async () => {
    const command = 'echo kept > /artifacts/result; ls /.nabla'
    const contained = await run({ command, image: testImage })
    expect(contained).toMatchObject({ state: 'succeeded', exitCode: 0 })
    expect(contained.machineType).toMatch(/^C\d+-docker$/)
    expect(contained.phases.map(({ name }) => name)).toEqual([
      'queue',
      'files',
      'image',
      'create',
      'start',
      'run',
      'collect',
    ])
    const detail = contained.phases.find(({ name }) => name === 'image')?.detail
    expect(detail).toMatch(/sha256:[0-9a-f]{64}$/)
    const bare = await run({ command })
    // There is no /.nabla outside of containers.
    expect(bare.state).toBe('failed')
    expect(bare.machineType).toMatch(/^C\d+$/)
    await expect(run({ image: 'Not An Image' })).rejects.toThrow('no name of an image')
    await expect(run({ image: testImage, machineType: 'C1' })).rejects.toThrow('C1-docker')
    // Removed behind the job's end, which is told as soon as it is known.
    await expect.poll(() => daemon.docker.listContainers({ all: true }), { timeout: 20_000 }).toEqual([])
  }, 60_000)

  test('says how its container is made', async () => {
    const asked = { image: testImage, user: '65534:65534', entrypoint: ['env', 'WRAPPED=yes'], shmBytes: 8 * 2 ** 20 }
    const command = 'id -u; echo $WRAPPED; cat /proc/mounts | tr " " "\\n" | head -500 > /tmp/mounts; pwd'
    const job = await run({ ...asked, command, workingDir: '/work', pull: 'never', requirements: null })
    expect(await logOf(job)).toBe('65534\nyes\n/work')
    expect(job.spec).toMatchObject(asked)
    await expect(run({ user: 'nobody' })).rejects.toThrow('`user`: name an image')
    await expect(run({ image: testImage, registry: 'none' })).rejects.toMatchObject({ code: 'unknown_registry' })
  }, 60_000)

  test('is built of the workspace, sent away, and run from there with a stored login', async () => {
    const folder = mkdtempSync(join(data, 'workspace-'))
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${testImage}\nARG WORD\nRUN echo $WORD > /made\n`)
    const { id } = await client.workspace.upload({
      body: new Uint8Array(await create({ cwd: folder }, ['.']).concat()),
    })
    const workspace = { from: 'upload', id } as const
    const name = `${registry.address}/team/app:1`
    const build = { args: { WORD: 'hello' } }
    const built = await run({ workspace, build, command: 'cat /made' })
    expect(built.phases.map((phase) => phase.name)).toEqual([
      'queue',
      'files',
      'build',
      'create',
      'start',
      'run',
      'collect',
    ])
    expect(await logOf(built)).toMatch(/\nhello$/)

    const host = registry.address
    await client.registry.create({ body: { name: 'test', host, ...registryLogin } })
    const pushed = await run({ workspace, build: { ...build, push: name, only: true } })
    expect(pushed, await logOf(pushed)).toMatchObject({ state: 'succeeded', exitCode: 0 })
    const pulled = await run({ image: name, command: 'cat /made' })
    expect(await logOf(pulled)).toMatch(/\nhello$/)
    const named = await run({ image: name, registry: 'test', command: 'cat /made' })
    expect(named.state, JSON.stringify(named)).toBe('succeeded')

    await client.registry.delete({ registry: 'test' })
    // It is on this machine by now: that alone gives nobody the right to it.
    const refused = await run({ image: name, command: 'cat /made' })
    expect(refused).toMatchObject({ state: 'error', reason: expect.stringContaining('log in') as unknown })
    const own = await run({ image: name, command: 'cat /made', registryLogin })
    expect(own.state).toBe('succeeded')
    expect(await logOf(await ended(await client.job.clone({ job: own.id, body: {} })))).toMatch(/hello$/)
    const stored = await server.deps.db.selectFrom('jobs').selectAll().execute()
    expect(JSON.stringify([stored, own])).not.toContain(registryLogin.password)
    await expect(run({ build })).rejects.toThrow('needs a workspace')
    await expect(run({ workspace, build, machineType: 'C1' })).rejects.toMatchObject({ code: 'image_not_supported' })
  }, 90_000)

  test('can be fetched before a job asks for it, is told with its use, and makes room', async () => {
    const name = `${registry.address}/team/app:1`
    const gone = await client.image.delete({ image: name }).catch((error: unknown) => error)
    expect(gone).toMatchObject({ code: 'not_found' })
    await client.registry.create({ body: { name: 'ahead', host: registry.address, ...registryLogin } })
    await client.image.delete({ image: name }).catch(() => {})
    await client.project.update({ project: 'images', body: { images: [name] } })
    const find = async () => (await client.image.list()).items.find(({ names }) => names.includes(name))
    await expect
      .poll(find, { timeout: 30_000, interval: 250 })
      .toMatchObject({ wantedBy: ['project images'], ours: true })
    await expect.poll(async () => (await find())?.id, { timeout: 30_000, interval: 250 }).toMatch(/^sha256:/)
    expect((await client.image.prune({})).deleted).not.toContain(name)
    expect((await client.project.update({ project: 'images', body: { images: [] } })).images).toEqual([])
    await client.registry.delete({ registry: 'ahead' })
    // Without a login the team may not know of it.
    expect(await find()).toBeUndefined()
  }, 90_000)
})
