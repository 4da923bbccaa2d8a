import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ended, running } from '../engine-suite.ts'
import type { ImageBuild, TaskSpec } from '../engine.ts'
import { type DockerBench, makeDockerBench } from './test-bench.ts'
import { missing, startTestDaemon, type TestDaemon, testImage } from './testing/daemon.ts'
import { makeTestRegistry, missingRegistry, registryLogin, type TestRegistry } from './testing/registry.ts'

const dockerfile = `FROM ${testImage} AS first
ARG GREETING=none
WORKDIR /app
COPY . .
RUN ls -A > /app/sent && echo said $GREETING

FROM first AS second
RUN echo second > /app/stage
`

for (const kind of ['podman', 'docker'] as const) {
  const reason = missing[kind] ?? missingRegistry
  describe.skipIf(reason !== null)(reason === null ? `builds with ${kind}` : `builds, ${kind}: ${reason}`, () => {
    let registry: TestRegistry
    let daemon: TestDaemon
    let bench: DockerBench
    beforeAll(async () => {
      registry = await makeTestRegistry()
      daemon = await startTestDaemon(kind, registry.address)
      bench = makeDockerBench(daemon)
    })
    afterAll(async () => {
      await bench?.close()
      await daemon?.close()
      await registry?.close()
    })

    const start = async (
      files: Record<string, string>,
      build: Partial<ImageBuild>,
      changes: Partial<TaskSpec> = {},
    ) => {
      const task = bench.task('cat /app/sent; cat /app/stage', changes)
      task.image = `localhost/nabla-build:${task.id}`
      task.mounts = [{ source: bench.folder(task.id, files), target: '/paperspace', mode: 'copy' }]
      task.build = { context: '/paperspace', dockerfile: 'Dockerfile', args: {}, only: false, logins: {}, ...build }
      await bench.engine.start(task)
      return task
    }
    const run = async (...given: Parameters<typeof start>) => {
      const task = await start(...given)
      const report = await ended(bench.engine, task.id, 60_000)
      return { task, report, out: bench.output(task.id), system: bench.output(task.id, 'system') }
    }
    const files = {
      Dockerfile: dockerfile,
      'train.py': 'x',
      'data/large': 'x',
      'data/small': 'x',
      '.dockerignore': 'data\n!data/small\n',
    }

    test('an image is made of the files, and the command runs in it', async () => {
      const { report, out, system, task } = await run(files, { args: { GREETING: 'hello' } })
      expect(report.exit, system).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(report.phases.map(({ phase }) => phase)).toEqual(['files', 'build', 'create', 'start', 'run'])
      expect(report.image).toMatch(/^(sha256:)?[0-9a-f]{64}$/)
      expect(out).toBe('.dockerignore\nDockerfile\ndata\nsent\ntrain.py\nsecond\n')
      expect(system).toMatch(/step 1\/\d+ ?: FROM/i)
      expect(system).toContain('said hello')
      const again = await run(files, { args: { GREETING: 'hello' }, target: 'first' }, { command: 'ls /app' })
      expect(again.system).not.toContain('said hello')
      expect(again.system).toMatch(/Built in [\d.]+ s: [5-7] steps, [45] of them taken from earlier builds/)
      expect(again.out).not.toContain('stage')
      const images = (await bench.engine.images?.list()) ?? []
      expect(images.find(({ names }) => names.includes(task.image))).toMatchObject({ ours: true, isPrivate: true })
    }, 90_000)

    test('what fails is told with its step', async () => {
      const failing = await run({ Dockerfile: `FROM ${testImage}\nRUN echo before && exit 3\n` }, {})
      expect(failing.report.exit).toMatchObject({ cause: 'setup', blame: 'user', code: null })
      expect(failing.report.exit?.reason).toMatch(/^The build failed at step 2\/\d, RUN echo before && exit 3: .*3/)
      expect(failing.system).toContain('before')
      const absent = await run({ other: '' }, {})
      expect(absent.report.exit?.reason).toContain('has no file Dockerfile')
      const wrong = await run({ Dockerfile: 'FORM x\n' }, {})
      expect(wrong.report.exit).toMatchObject({ cause: 'setup', blame: 'user' })
      expect(wrong.report.exit?.reason).toMatch(/FORM|no FROM/i)
    }, 90_000)

    test('an image can be sent away without being run, and is run from there', async () => {
      const push = `${registry.address}/team/made:1`
      const build = { push, only: true }
      const { report, system } = await run(files, build, { container: { login: registryLogin } })
      expect(report.exit, system).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(report.phases.map(({ phase }) => phase)).toEqual(['files', 'build'])
      expect(system.trimEnd().split('\n').at(-1)).toBe(`Pushed ${push}`)
      const names = ((await bench.engine.images?.list()) ?? []).flatMap((image) => image.names)
      expect(names).not.toContain(push)
      const pulled = bench.task('cat /app/stage', { image: push, container: { login: registryLogin } })
      await bench.engine.start(pulled)
      expect((await ended(bench.engine, pulled.id)).exit?.code).toBe(0)
      const refused = await run(files, build)
      expect(refused.report.exit).toMatchObject({ cause: 'setup', blame: 'user' })
      expect(refused.report.exit?.reason).toContain('nabla registry create')
    }, 90_000)

    test('one that is stopped ends', async () => {
      const task = await start({ Dockerfile: `FROM ${testImage}\nRUN echo begun && sleep 300\n` }, {})
      await expect.poll(() => bench.output(task.id, 'system'), { timeout: 30_000 }).toContain('begun\n')
      await bench.engine.stop(task.id, 0)
      expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'signal', blame: 'user' })
    }, 90_000)

    test('images are told with their use, and collected by rule', async () => {
      const store = bench.engine.images!
      for (const { id } of await bench.engine.list()) await bench.engine.remove(id)
      const busy = bench.task('sleep 300')
      await bench.engine.start(busy)
      await running(bench.engine, busy.id)
      const find = async () => (await store.list()).find(({ names }) => names.some((name) => name.includes('base:1')))
      expect(await find()).toMatchObject({ ours: true, containers: 1 })
      expect((await find())?.sizeBytes).toBeGreaterThan(1e6)
      expect(await store.remove(testImage)).toBe('in use')
      expect(await store.remove('nabla-test/missing')).toBe('unknown')
      const kept = await store.collect({ keepMs: 3_600_000, maxBytes: null, which: 'ours' }, [])
      expect(kept).toEqual([])
      const gone = await store.collect({ keepMs: null, maxBytes: 0, which: 'ours' }, [])
      expect(gone.length).toBeGreaterThan(0)
      expect(await find()).toBeDefined()
    }, 90_000)
  })
}
