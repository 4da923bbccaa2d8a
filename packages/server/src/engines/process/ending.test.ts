import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { ended, reported, running } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench, type Who } from './test-bench.ts'
import type { ReportFile } from './reports.ts'

const users: Who[] = isRoot ? ['root', 'user'] : ['root']
const MiB = 2 ** 20

/** Saves its work when it is told to end, and takes some time for that. */
const saving = 'trap "sleep 0.3; echo saved; exit 0" TERM; echo up; while :; do sleep 0.05; done'
const unlessRoot = isRoot ? '' : ' (skipped: this is not root)'

describe.each(users)('the end of a task of the process engine, as %s', (who) => {
  let bench: ProcessBench
  beforeEach(async () => {
    bench = await makeBench(who)
  })
  afterEach(() => bench.close())

  const exitOf = async (command: string, changes = {}) => {
    const task = bench.task(command, changes)
    await bench.engine.start(task)
    return (await ended(bench.engine, task.id)).exit
  }
  const reportFile = (id: string) =>
    JSON.parse(readFileSync(join(bench.dataDir, 'process', 'reports', `${id}.json`), 'utf8')) as ReportFile
  /** Waits until the task has written a line. */
  const wrote = async (id: string, line: string) => {
    await reported(bench.engine, id, ({ state }) => state !== 'starting' && bench.output(id).includes(line))
  }

  test('says that a command was not found', async () => {
    const exit = await exitOf('nosuchcommand --now')
    expect(exit).toMatchObject({ cause: 'exit', code: 127, blame: 'user' })
    expect(exit?.reason).toContain('nosuchcommand')
  })

  test('says which signal ended it', async () => {
    const exit = await exitOf('kill -SEGV $$')
    expect(exit).toMatchObject({ cause: 'signal', code: 139, reason: 'It was ended by SIGSEGV.' })
  })

  test('is a failure of the machine when the files are not there', async () => {
    const mounts = [{ source: join(bench.dataDir, 'gone'), target: '/data/x', mode: 'ro' as const }]
    const exit = await exitOf('true', { mounts })
    expect(exit).toMatchObject({ cause: 'setup', code: null, blame: 'machine' })
    expect(exit?.reason).toContain('/data/x')
  })

  test('comes by force after the grace, daemons included', async () => {
    const task = bench.task(
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo up; while :; do sleep 1; done",
    )
    await bench.engine.start(task)
    await wrote(task.id, 'up')
    const { pid } = reportFile(task.id)
    await bench.engine.stop(task.id, 300)
    const report = await ended(bench.engine, task.id)
    expect(report.exit).toMatchObject({ cause: 'signal', code: 137 })
    expect(report.exit?.reason).toContain('0.3 s')
    await bench.engine.remove(task.id)
    expect(existsSync(`/proc/${pid}`)).toBe(false)
  })

  test('may be orderly: the command sees SIGTERM and gives its own code', async () => {
    const task = bench.task("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done")
    await bench.engine.start(task)
    await wrote(task.id, 'up')
    await bench.engine.stop(task.id, 10_000)
    expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'exit', code: 9 })
    expect(bench.output(task.id)).toBe('up\nbye\n')
  })

  test('leaves what runs in a shell its time to save, though the shell ends at once', async () => {
    const task = bench.task(`sh -c '${saving}'; true`)
    await bench.engine.start(task)
    await wrote(task.id, 'up')
    await bench.engine.stop(task.id, 10_000)
    expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'signal', code: 143 })
    expect(bench.output(task.id)).toBe('up\nsaved\n')
  })

  test('comes by force to what runs in a shell and does not end', async () => {
    const task = bench.task(`sh -c 'trap "" TERM; echo up; while :; do sleep 1; done'; true`)
    await bench.engine.start(task)
    await wrote(task.id, 'up')
    await bench.engine.stop(task.id, 300)
    expect((await ended(bench.engine, task.id)).exit?.reason).toContain('0.3 s')
  })

  test('is enforced even when the server is gone meanwhile', async () => {
    const task = bench.task("trap '' TERM; echo up; while :; do sleep 1; done")
    await bench.engine.start(task)
    await wrote(task.id, 'up')
    await bench.engine.stop(task.id, 500)
    const engine = await bench.restart()
    expect((await ended(engine, task.id)).exit).toMatchObject({ cause: 'signal', code: 137 })
  })

  test('is known though it came while no server was there', async () => {
    const task = bench.task('sleep 0.2; echo late; exit 4')
    await bench.engine.start(task)
    const engine = await bench.restart()
    expect((await ended(engine, task.id)).exit).toMatchObject({ cause: 'exit', code: 4 })
    expect(bench.output(task.id)).toBe('late\n')
  })

  test('is a loss when the process that watches over it is killed', async () => {
    const task = bench.task('sleep 1000')
    const told = new Set<string>()
    const watching = new AbortController()
    bench.engine.watch((id) => told.add(id), watching.signal)
    await bench.engine.start(task)
    await running(bench.engine, task.id)
    told.clear()
    process.kill(reportFile(task.id).pid, 'SIGKILL')
    const report = await ended(bench.engine, task.id)
    expect(report.exit).toMatchObject({ cause: 'lost', code: null, blame: 'machine' })
    await expect.poll(() => told.has(task.id)).toBe(true)
    watching.abort()
    await bench.engine.start(task)
    expect(await bench.engine.list()).toEqual([report])
  })

  test('is a loss when the report was damaged by a loss of power', async () => {
    const task = bench.task('exit 0')
    await bench.engine.start(task)
    await ended(bench.engine, task.id)
    writeFileSync(join(bench.dataDir, 'process', 'reports', `${task.id}.json`), '')
    const engine = await bench.restart()
    expect((await ended(engine, task.id)).exit).toMatchObject({ cause: 'lost', blame: 'machine' })
  })

  if (who === 'root')
    test('does not come with the end of the launcher, which is started again', async () => {
      const [before, after] = [bench.task('sleep 1000'), bench.task('exit 6')]
      await bench.engine.start(before)
      await running(bench.engine, before.id)
      process.kill(launcherPid(), 'SIGKILL')
      await bench.engine.start(after)
      expect((await ended(bench.engine, after.id)).exit?.code).toBe(6)
      await running(bench.engine, before.id)
    })

  test('leaves nothing behind once it is removed', async () => {
    const source = bench.folder('workspace', { a: 'a' })
    const mess =
      'mkdir -p ~/shut/in /tmp/x && echo 1 > ~/shut/in/f && chmod 000 ~/shut/in ~/shut && sleep 1000 & setsid sleep 1000 & wait %1; exit 0'
    const task = bench.task(mess, { mounts: [{ source, target: '/paperspace', mode: 'copy' }] })
    await bench.engine.start(task)
    await running(bench.engine, task.id)
    const { pid, cgroups } = reportFile(task.id)
    const namespace = statSync(`/proc/${pid}/ns/pid`).ino
    await bench.engine.stop(task.id, 100)
    await ended(bench.engine, task.id)
    await bench.engine.remove(task.id)
    expect(cgroups.filter(existsSync)).toEqual([])
    for (const folder of ['tasks', 'trash', 'reports']) {
      expect(readdirSync(join(bench.dataDir, 'process', folder))).toEqual([])
    }
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(task.id)
    expect(
      execFileSync('sh', ['-c', 'ls -Li /proc/[0-9]*/ns/pid 2>/dev/null || true'], { encoding: 'utf8' }),
    ).not.toContain(`${namespace} `)
  })

  if (who === 'root')
    test.runIf(isRoot)(`says that the disk was full${unlessRoot}`, async () => {
      const outputDir = bench.folder('small')
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', outputDir])
      try {
        const exit = await exitOf('head -c 5000000 /dev/zero; exit 3', { outputDir })
        expect(exit).toMatchObject({ cause: 'exit', code: 3, reason: expect.stringContaining('disk') })
      } finally {
        execFileSync('umount', [outputDir])
      }
    })

  if (who === 'root')
    test.runIf(isRoot)(`is told apart when memory ran out${unlessRoot}`, async () => {
      const resources = { cpus: 1, memoryBytes: 64 * MiB, gpus: [], pids: 64 }
      const exit = await exitOf("python3 -c 'x = bytearray(300 * 2**20)'", { resources })
      expect(exit).toMatchObject({ cause: 'oom', code: 137, blame: 'user' })
      expect(exit?.reason).toContain('larger machine type')
    })

  test('cannot be put off by a fork bomb', async () => {
    const resources = { cpus: 1, memoryBytes: 256 * MiB, gpus: [], pids: 40 }
    const task = bench.task('bomb() { bomb | bomb & }; bomb; sleep 1000', { resources })
    await bench.engine.start(task)
    await reported(
      bench.engine,
      task.id,
      ({ state }) =>
        state !== 'starting' && /[Cc]annot fork|Resource temporarily/.test(bench.output(task.id, 'stderr')),
    )
    await bench.engine.stop(task.id, 200)
    expect((await ended(bench.engine, task.id)).exit?.cause).toMatch(/signal|exit/)
  })
})

/** The launcher of this process's engine. */
function launcherPid(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (Number(parent) === process.pid && command.includes('launcher.py')) return Number(pid)
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('there is no launcher')
}
