import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ended } from '../engine-suite.ts'
import { makeDockerBench } from './test-bench.ts'
import { missing, startTestDaemon, type TestDaemon } from './testing/daemon.ts'

const MiB = 2 ** 20
const kind = 'nvidia.com/gpu'

/** Folders of https://github.com/cncf-tags/container-device-interface; in the second one things last until a restart. */
const folders = ['/etc/cdi', '/var/run/cdi']
const described = folders.some(
  (folder) =>
    existsSync(folder) && readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').includes(kind)),
)
const reason = missing.podman ?? (described ? 'this machine describes GPUs of its own' : null)

describe.skipIf(reason !== null)(`GPUs by CDI${reason === null ? '' : `: ${reason}`}`, () => {
  const spec = join(folders[1] ?? '', `nabla-test-${process.pid}.json`)
  let daemon: TestDaemon
  beforeAll(async () => {
    // A GPU is no more to a container than files of devices and variables; these stand in for some.
    const devices = ['0', '1', '2'].map((name) => ({
      name,
      containerEdits: {
        deviceNodes: [{ path: `/dev/nvidia${name}`, hostPath: '/dev/null', type: 'c', major: 1, minor: 3 }],
        env: [`TOLD_${name}=yes`],
      },
    }))
    mkdirSync(folders[1] ?? '', { recursive: true })
    writeFileSync(spec, JSON.stringify({ cdiVersion: '0.3.0', kind, devices }))
    daemon = await startTestDaemon('podman')
  })
  afterAll(async () => {
    rmSync(spec, { force: true })
    await daemon?.close()
  })

  test('a container has those that it was given, and all else as without', async () => {
    const bench = makeDockerBench(daemon)
    const source = bench.folder('source', { 'in.txt': 'mine' })
    const shown = bench.folder('shown', { a: 'a' })
    const command =
      'ls /dev; env; cat in.txt; echo new > made; echo x > /data/a || echo read-only; id -u; stat -f -c %b /dev/shm; while read -r line; do case $line in CapBnd*|NoNewPrivs*|Seccomp:*) echo $line;; esac; done < /proc/self/status; exit 3'
    const task = bench.task(command, {
      env: { GREETING: 'a=b c' },
      mounts: [
        { source, target: '/paperspace', mode: 'copy' },
        { source: shown, target: '/data', mode: 'ro' },
      ],
      resources: { cpus: 0.5, memoryBytes: 128 * MiB, gpus: [0, 2], pids: 64 },
      container: { user: '1234:1234', shmBytes: 8 * MiB },
      hostname: 'node-0',
      ports: [8080],
    })
    await bench.engine.start(task)
    const { exit, phases } = await ended(bench.engine, task.id)
    const lines = bench.output(task.id).split('\n')
    expect(exit, bench.output(task.id, 'stderr')).toEqual({ cause: 'exit', code: 3, blame: 'user' })
    expect(lines.filter((line) => /nvidia\d|TOLD|GREETING|HOSTNAME/.test(line)).toSorted()).toEqual([
      'GREETING=a=b c',
      'HOSTNAME=node-0',
      'TOLD_0=yes',
      'TOLD_2=yes',
      'nvidia0',
      'nvidia2',
    ])
    expect(lines).toEqual(
      expect.arrayContaining([
        'mineread-only',
        '1234',
        '2048',
        'CapBnd: 00000000800404fb',
        'NoNewPrivs: 1',
        'Seccomp: 2',
      ]),
    )
    expect(phases.map(({ phase }) => phase)).toEqual(['files', 'image', 'create', 'start', 'run'])
    const { HostConfig, NetworkSettings, Config } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
    expect(HostConfig).toMatchObject({ Memory: 128 * MiB, PidsLimit: 64, Privileged: false, OomScoreAdj: 500 })
    expect((HostConfig.CpuQuota ?? 0) / (HostConfig.CpuPeriod ?? 1)).toBe(0.5)
    expect(Config.Labels).toMatchObject({ 'nabla.task': task.id })
    expect(Object.keys(NetworkSettings.Networks)).toEqual([expect.stringMatching(/^nabla-/)])
    await bench.close()
  }, 60_000)

  test('one that is not there is told as such', async () => {
    const bench = makeDockerBench(daemon)
    const task = bench.task('true', { resources: { cpus: 1, memoryBytes: 128 * MiB, gpus: [7], pids: 64 } })
    await bench.engine.start(task)
    const { exit } = await ended(bench.engine, task.id)
    expect(exit).toMatchObject({ cause: 'setup', blame: 'machine' })
    expect(exit?.reason).toContain('cannot give out GPUs')
    await bench.close()
  }, 60_000)
})
