import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, startTestDaemon, type TestDaemon } from '../../packages/server/src/engines/docker/testing/daemon.ts'
import { addLibraries, addPython, makeRootfs } from '../../packages/server/src/engines/docker/testing/rootfs.ts'
import { pythonWith } from './support/python.ts'
import { ended, linesOf, startServerProcess, until } from './support/server-process.ts'

const image = 'nabla-test/mlflow:1'
const programs = join(import.meta.dirname, '../python')
const python = missing.podman === null ? await pythonWith('mlflow') : null
const reason = missing.podman ?? unfit(python)

describe.skipIf(reason !== null)(`a container of podman${reason === null ? '' : `: ${reason}`}`, () => {
  let daemon: TestDaemon
  beforeAll(async () => {
    daemon = await startTestDaemon('podman')
    const folder = join(daemon.base, 'image')
    makeRootfs(folder)
    addPython(folder)
    const packages = join(folder, 'usr/lib/python3/dist-packages')
    execFileSync(python!, [join(programs, 'copy_packages.py'), packages, 'mlflow-skinny', 'numpy'])
    addLibraries(folder)
    daemon.importFolder(folder, image)
    rmSync(folder, { recursive: true })
  }, 300_000)
  afterAll(() => daemon?.close(), 60_000)

  test('tracks itself with the real client of MLflow and no set-up, over a restart of the server, and reaches no more of it', async () => {
    const settings = { engines: ['process', 'docker'], docker: { socket: daemon.socket, pull: 'never' } }
    const server = await startServerProcess({ settings })
    const search = { objectives: [{ metric: 'loss', direction: 'minimize' as const }], space: space() }
    await server.client.experiment.create({
      body: { kind: 'sweep', name: 'elsewhere', project: 'digits', start: true, search },
    })
    await until(async () =>
      expect(await server.client.sweep.show({ sweep: 'elsewhere' })).toMatchObject({ state: 'running' }),
    )
    const script = readFileSync(join(programs, 'track_in_container.py'), 'utf8')
    const { id } = await server.client.job.create({
      body: {
        command: `cat > track.py <<'END'\n${script}\nEND\nexec python3 track.py`,
        project: 'digits',
        image,
        env: { KEY_OF_PERSON: server.key, PORT_OF_SERVER: new URL(server.url).port },
      },
    })
    const [found] = await until(async () => {
      const lines = await linesOf(server, id)
      const { state } = await server.client.job.show({ job: id })
      expect(lines.length > 0 || state === 'failed', (await linesOf(server, id, 'stderr')).join('\n')).toBe(true)
      return lines
    }, 200_000)
    expect(JSON.parse(found ?? 'null')).toEqual({
      push: 200,
      sweep: [200, 200],
      jobs: 403,
      'key of a person': 403,
      console: 403,
      docs: 403,
      'served by others': 421,
      server: [false, false],
    })

    await server.kill()
    await server.start()
    await server.client.run.update({ run: id, body: { tags: ['resumed'] } })
    expect(await ended(server, id), (await linesOf(server, id, 'stderr')).join('\n')).toMatchObject({
      state: 'succeeded',
    })
    const run = await server.client.run.show({ run: id })
    expect(run).toMatchObject({ state: 'finished', params: { lr: '0.1' }, labels: {} })
    expect(run.metrics).toMatchObject({
      loss: { value: 1 / 3, step: 2, count: 3 },
      pushed: { value: 42, step: 7 },
      after: { value: 1 },
    })
    const files = await server.client.artifact.list({ job: id, recursive: true })
    expect(files.items.map(({ path }) => path)).toContain(`runs/${run.id}/notes/hello.txt`)
    const trials = await server.client.sweep.trials({ sweep: 'elsewhere' })
    expect(trials.items).toMatchObject([{ number: 0, state: 'complete', objectives: { loss: 0.5 } }])
  }, 300_000)
})

const space = () => ({ x: { type: 'uniform' as const, low: 0, high: 1 } })

/** Modules that are not Python run with the version that they were made for. */
function unfit(environment: string | null): string | null {
  if (environment === null) return 'pip cannot fetch the client of MLflow'
  const versionOf = (program: string) =>
    execFileSync(program, ['-c', 'import sys; print(sys.version_info[:2])'], { encoding: 'utf8' })
  return versionOf(environment) === versionOf('/usr/bin/python3') ? null : 'needs the packages of /usr/bin/python3'
}
