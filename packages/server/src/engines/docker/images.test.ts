import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { ended } from '../engine-suite.ts'
import { pullFailure } from './images.ts'
import { parseReference } from '../../lib/image-reference.ts'
import { type DockerBench, makeDockerBench } from './test-bench.ts'
import { missing, startTestDaemon, type TestDaemon, testImage } from './testing/daemon.ts'
import { makeTestRegistry, missingRegistry, registryLogin, type TestRegistry } from './testing/registry.ts'

const MiB = 2 ** 20

for (const kind of ['podman', 'docker'] as const) {
  const reason = missing[kind] ?? missingRegistry
  describe.skipIf(reason !== null)(reason === null ? `images with ${kind}` : `images, ${kind}: ${reason}`, () => {
    let registry: TestRegistry
    let daemon: TestDaemon
    let bench: DockerBench
    let name: string
    beforeAll(async () => {
      registry = await makeTestRegistry()
      daemon = await startTestDaemon(kind, registry.address)
      name = `${registry.address}/team/base`
      await daemon.docker.getImage(testImage).tag({ repo: name, tag: '1' })
      await push(daemon, `${name}:1`)
      await daemon.docker.getImage(testImage).remove({ force: true })
    })
    afterAll(async () => {
      await daemon?.close()
      await registry?.close()
    })
    beforeEach(async () => {
      await daemon.docker
        .getImage(`${name}:1`)
        .remove({ force: true })
        .catch(() => {})
      bench = makeDockerBench(daemon)
    })
    afterEach(() => bench.close())

    const run = async (image: string, container: NonNullable<ReturnType<DockerBench['task']>['container']> = {}) => {
      const task = bench.task('echo ran', { image, container })
      await bench.engine.start(task)
      const report = await ended(bench.engine, task.id)
      return { report, out: bench.output(task.id), system: bench.output(task.id, 'system') }
    }

    test('are fetched with a login, layer by layer, and known by their digest', async () => {
      const { report, out, system } = await run(`${name}:1`, { login: registryLogin })
      expect(report.exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(out).toBe('ran\n')
      expect(report.image).toMatch(new RegExp(`^${name}@sha256:[0-9a-f]{64}$`))
      expect(report.phases.map(({ phase }) => phase)).toEqual(['files', 'image', 'create', 'start', 'run'])
      const lines = system.trimEnd().split('\n')
      expect(lines[0]).toBe(`Pulling ${name}:1`)
      expect(lines.slice(1, -1).join('\n')).toMatch(/^Layer [0-9a-f]{12,}: (fetched|here already)/m)
      expect(lines.at(-1)).toBe(`Pulled ${report.image}`)
      const again = await run(report.image ?? '', { login: registryLogin })
      expect(again.report.exit).toMatchObject({ cause: 'exit', code: 0 })
      expect(again.report.image).toBe(report.image)
    })

    test('that cannot be had say why', async () => {
      const refused = { username: 'ada', password: 'wrong' }
      const cases = [
        [`${name}:2`, { login: registryLogin }, 'user', `has no image ${name}:2. Check its name and tag.`],
        [`${name}:1`, {}, 'user', 'Check its name, or log in.'],
        [`${name}:1`, { login: refused }, 'user', 'refused the login'],
        [`${name}:1`, { pull: 'never' }, 'user', 'is not on this machine'],
      ] as const
      for (const [image, container, blame, words] of cases) {
        const { report } = await run(image, container)
        expect(report.exit).toMatchObject({ cause: 'setup', blame, reason: expect.stringContaining(words) as unknown })
      }
    })

    test('that find no room on the disk say so, and leave none of it taken', async () => {
      const folder = join(daemon.base, 'large')
      mkdirSync(folder)
      writeFileSync(join(folder, 'noise'), randomBytes(48 * MiB))
      daemon.importFolder(folder, `${registry.address}/team/large:1`)
      rmSync(folder, { recursive: true })
      await push(daemon, `${registry.address}/team/large:1`)
      const full = await startTestDaemon(kind, registry.address, 40 * MiB)
      const small = makeDockerBench(full)
      try {
        const container = { login: registryLogin }
        const task = small.task('true', { image: `${registry.address}/team/large:1`, container })
        const room = () => statfsSync(join(full.base, 'root')).bavail
        const before = room()
        await small.engine.start(task)
        const { exit } = await ended(small.engine, task.id, 60_000)
        expect(exit?.reason).toContain('There is no room on the disk for the image')
        expect(exit).toMatchObject({ cause: 'setup', blame: 'machine' })
        await expect.poll(room, { timeout: 20_000 }).toBeGreaterThan(before * 0.8)
        const fitting = small.task('echo fits')
        await small.engine.start(fitting)
        expect((await ended(small.engine, fitting.id, 60_000)).exit?.code).toBe(0)
      } finally {
        await small.close()
        await full.close()
      }
    }, 150_000)

    test('of a registry that is away are no fault of the user', async () => {
      expect((await run(`${name}:1`, { login: registryLogin })).report.exit?.code).toBe(0)
      await registry.stop()
      // One that is here is asked for anew only by who wants that.
      expect((await run(`${name}:1`, { login: registryLogin })).report.exit?.code).toBe(0)
      const { report } = await run(`${name}:1`, { login: registryLogin, pull: 'always' })
      await registry.start()
      expect(report.exit).toMatchObject({ cause: 'setup', blame: 'machine' })
      expect(report.exit?.reason).toContain(`The registry ${registry.address} cannot be reached`)
    }, 60_000)
  })
}

async function push(daemon: TestDaemon, image: string): Promise<void> {
  const stream = await daemon.docker.getImage(image).push({ authconfig: registryLogin })
  let said = ''
  for await (const chunk of stream) said += String(chunk)
  expect(said).not.toContain('"error"')
}

test('names of images are read as Docker reads them', () => {
  const digest = `sha256:${'0a'.repeat(32)}`
  expect(parseReference('python')).toEqual({
    registry: 'docker.io',
    repository: 'library/python',
    tag: null,
    digest: null,
  })
  expect(parseReference('owner/image:1.0')).toMatchObject({
    registry: 'docker.io',
    repository: 'owner/image',
    tag: '1.0',
  })
  expect(parseReference('localhost/a/b')).toMatchObject({ registry: 'localhost', repository: 'a/b' })
  expect(parseReference(`10.0.0.5:5000/a@${digest}`)).toMatchObject({
    registry: '10.0.0.5:5000',
    repository: 'a',
    digest,
  })
  for (const bad of [
    '',
    'UPPER',
    'a:b:c',
    'a@sha256:12',
    'a b',
    '../etc',
    'a:',
    '-rf',
    'http://host/a',
    `a@${digest}@${digest}`,
  ])
    expect(parseReference(bad)).toHaveProperty('reason')
})

test('what daemons say is put in words', () => {
  const reference = parseReference('python:3')
  if ('reason' in reference) throw new Error(reference.reason)
  const said = (words: string, hasLogin = false) => pullFailure(reference, words, hasLogin)
  expect(said('write /var/lib/docker/tmp/GetImageBlob1: no space left on device')).toMatchObject({ blame: 'machine' })
  expect(said('write blob: no space left on device').message).toContain('no room on the disk')
  expect(said('toomanyrequests: You have reached your pull rate limit').message).toContain('try later')
  expect(said('manifest for python:3 not found: manifest unknown')).toMatchObject({ blame: 'user' })
  expect(said('pull access denied for python, repository does not exist').message).toContain('log in')
  expect(said('dial tcp: lookup registry-1.docker.io: no such host')).toMatchObject({ blame: 'machine' })
  expect(said('something new').message).toContain('something new')
})
