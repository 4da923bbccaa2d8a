import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { ended, running } from '../engine-suite.ts'
import { OutsideProtection } from '../process/outside-protection.ts'
import { Daemon } from './daemon.ts'
import { type DockerBench, makeDockerBench } from './test-bench.ts'
import { missing, startTestDaemon, type TestDaemon } from './testing/daemon.ts'

const MiB = 2 ** 20

for (const kind of ['podman', 'docker'] as const) {
  const reason = missing[kind]
  describe.skipIf(reason !== null)(reason === null ? `a container of ${kind}` : `${kind}: ${reason}`, () => {
    let daemon: TestDaemon
    let bench: DockerBench
    beforeAll(async () => {
      daemon = await startTestDaemon(kind)
    })
    afterAll(() => daemon?.close())
    beforeEach(() => {
      bench = makeDockerBench(daemon)
    })
    afterEach(() => bench.close())

    const run = async (command: string, changes: Parameters<DockerBench['task']>[1] = {}) => {
      const task = bench.task(command, changes)
      await bench.engine.start(task)
      return {
        task,
        report: await ended(bench.engine, task.id),
        out: bench.output(task.id),
        err: bench.output(task.id, 'stderr'),
      }
    }

    test.skipIf(existsSync('/var/run/docker.sock'))(
      'runs on a daemon that is found where one without root listens (skipped where Docker runs on this machine)',
      async () => {
        const runtime = join(daemon.base, 'user')
        mkdirSync(join(runtime, 'podman'), { recursive: true })
        const usual = join(runtime, kind === 'podman' ? 'podman/podman.sock' : 'docker.sock')
        symlinkSync(daemon.socket, usual)
        const found = new Daemon(undefined, { XDG_RUNTIME_DIR: runtime })
        expect(await found.socket()).toBe(usual)
        expect((await found.info()).name).toBe(kind)
      },
    )

    test('sees its files where they belong, and changes only what it may', async () => {
      const copied = bench.folder('copied', { 'in.txt': 'original', 'deep/a': 'a' })
      const kept = bench.folder('kept')
      const shown = bench.folder('shown', { 'data.csv': '1,2' })
      const { report, out } = await run(
        'pwd; cat in.txt deep/a /data/data.csv; echo changed > in.txt; echo new > made; cat /other/in.txt; echo result > /kept/result; echo x > /data/x || echo read-only',
        {
          mounts: [
            { source: copied, target: '/paperspace', mode: 'copy', aliases: ['/other'] },
            { source: kept, target: '/kept', mode: 'rw' },
            { source: shown, target: '/data', mode: 'ro' },
          ],
        },
      )
      expect(report.exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(out).toBe('/paperspace\noriginala1,2changed\nread-only\n')
      expect(readFileSync(join(copied, 'in.txt'), 'utf8')).toBe('original')
      expect(readFileSync(join(kept, 'result'), 'utf8')).toBe('result\n')
    })

    test('has the environment, user, entrypoint and working directory that it was given', async () => {
      const { out, report } = await run('echo "$GREETING"; id -u; pwd; df() { stat -f -c %b /dev/shm; }; df', {
        env: { GREETING: 'hello world' },
        workingDir: '/some/where',
        container: { user: '1234:1234', shmBytes: 8 * MiB, entrypoint: ['/usr/bin/env', 'ADDED=1'] },
      })
      expect(report.exit?.code).toBe(0)
      expect(out).toBe('hello world\n1234\n/some/where\n2048\n')
    })

    test('tells a lack of memory from a failure', async () => {
      const { report } = await run('text=$(head -c 200000000 /dev/zero | tr "\\0" x); echo never', {
        resources: { cpus: 1, memoryBytes: 64 * MiB, gpus: [], pids: 64 },
      })
      expect(report.exit).toMatchObject({ cause: 'oom', code: 137, blame: 'user' })
      expect(report.exit?.reason).toContain('0.0625 GiB')
      const killed = await run('sh -c "kill -9 \\$\\$"')
      expect(killed.report.exit).toMatchObject({ cause: 'signal', code: 137 })
    })

    test('says which command was not found', async () => {
      const { report } = await run('no-such-program')
      expect(report.exit).toMatchObject({ cause: 'exit', code: 127 })
      expect(report.exit?.reason).toContain('no-such-program')
    })

    test('lets what runs in a shell save its work when it is stopped, though the shell ends at once', async () => {
      const saving = 'trap "sleep 0.3; echo saved; exit 0" TERM; echo up; while :; do sleep 0.05; done'
      const task = bench.task(`sh -c '${saving}'; true`)
      await bench.engine.start(task)
      await expect.poll(() => bench.output(task.id), { timeout: 30_000 }).toBe('up\n')
      await bench.engine.stop(task.id, 20_000)
      expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'signal', code: 143 })
      expect(bench.output(task.id)).toBe('up\nsaved\n')
    })

    test('lets a command save its work when it is stopped, and ends what does not listen', async () => {
      const polite = bench.task('trap "echo saved; exit 9" TERM; echo up; while :; do sleep 0.05; done')
      const deaf = bench.task('trap "" TERM; echo up; sleep 1000 & while :; do sleep 0.05; done')
      for (const task of [polite, deaf]) {
        await bench.engine.start(task)
        await running(bench.engine, task.id)
        while (!bench.output(task.id).includes('up')) await new Promise((resolve) => setTimeout(resolve, 10))
      }
      await bench.engine.stop(polite.id, 10_000)
      await bench.engine.stop(deaf.id, 300)
      expect((await ended(bench.engine, polite.id)).exit).toMatchObject({ cause: 'exit', code: 9 })
      expect(bench.output(polite.id)).toBe('up\nsaved\n')
      const { exit } = await ended(bench.engine, deaf.id)
      expect(exit).toMatchObject({ cause: 'signal', code: 137 })
      expect(exit?.reason).toContain('did not end within 0.3 s')
    })

    test('keeps every line, in files, over a restart of the server', async () => {
      const task = bench.task('i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i + 1)); done; echo last >&2')
      await bench.engine.start(task)
      await bench.restart()
      await ended(bench.engine, task.id)
      const lines = bench.output(task.id).trimEnd().split('\n')
      expect(lines).toEqual(Array.from({ length: 4000 }, (_, index) => `line ${index}`))
      expect(bench.output(task.id, 'stderr')).toBe('last\n')
    })

    test('that was removed behind our back is lost, and one that was killed as well', async () => {
      const [removed, killed] = [bench.task('sleep 1000'), bench.task('sleep 1000')]
      for (const task of [removed, killed]) {
        await bench.engine.start(task)
        await running(bench.engine, task.id)
      }
      await daemon.docker.getContainer(`nabla-${killed.id}`).kill({ signal: 'SIGKILL' })
      expect((await ended(bench.engine, killed.id)).exit).toMatchObject({ cause: 'lost', blame: 'machine' })
      await daemon.docker.getContainer(`nabla-${removed.id}`).kill({ signal: 'SIGKILL' })
      await daemon.docker.getContainer(`nabla-${removed.id}`).remove({ force: true })
      expect((await ended(bench.engine, removed.id)).exit).toMatchObject({ cause: 'lost', blame: 'machine' })
    })

    test('is swept away at the next start when nothing is known of it', async () => {
      const task = bench.task('sleep 1000')
      await bench.engine.start(task)
      await running(bench.engine, task.id)
      const { Config } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
      const Labels = { ...Config.Labels, 'nabla.task': 'tkstray' }
      await daemon.docker.createContainer({ name: 'nabla-stray', Image: Config.Image, Cmd: ['/bin/sh'], Labels })
      await bench.restart()
      const left = async () => (await daemon.docker.listContainers({ all: true })).map(({ Names }) => Names[0])
      while ((await left()).includes('/nabla-stray')) await new Promise((resolve) => setTimeout(resolve, 20))
      expect(await left()).toEqual([`/nabla-${task.id}`])
    })

    test('is not swept away while a server that was restarted still reads what it knows', async () => {
      const task = bench.task('echo up; while [ ! -e /go/now ]; do sleep 0.05; done; echo end', {
        mounts: [{ source: bench.folder('go'), target: '/go', mode: 'ro' }],
      })
      await bench.engine.start(task)
      await expect.poll(() => bench.output(task.id), { timeout: 20_000 }).toBe('up\n')
      // A pipe is read only as fast as somebody writes.
      const spec = join(bench.dataDir, 'docker/tasks', task.id, 'spec.json')
      const kept = readFileSync(spec)
      rmSync(spec)
      execFileSync('mkfifo', [spec])
      const { Config } = await daemon.docker.getContainer(`nabla-${task.id}`).inspect()
      const engine = await bench.restart()
      const all = async () => (await daemon.docker.listContainers({ all: true })).map(({ Names }) => Names[0])
      // The server hears of this one, and has all the time it needs to do something hasty.
      const Labels = { ...Config.Labels, 'nabla.task': 'tkstray' }
      await daemon.docker.createContainer({ name: 'nabla-stray', Image: Config.Image, Cmd: ['/bin/sh'], Labels })
      for (let asked = 0; asked < 30; asked++) expect(await all()).toContain(`/nabla-${task.id}`)
      await writeFile(spec, kept)
      rmSync(spec)
      writeFileSync(spec, kept)
      bench.folder('go', { now: '' })
      expect((await ended(engine, task.id, 60_000)).exit).toEqual({ cause: 'exit', code: 0, blame: 'user' })
      expect(bench.output(task.id)).toBe('up\nend\n')
      await expect.poll(all, { timeout: 20_000 }).not.toContain('/nabla-stray')
    }, 90_000)

    test('listens on a port of its own that can be reached from here', async () => {
      const task = bench.task('sleep 1000', { ports: [8080] })
      await bench.engine.start(task)
      await running(bench.engine, task.id)
      const address = await bench.engine.address(task.id, 8080)
      expect(address?.host).toBe('127.0.0.1')
      expect(address?.port).toBeGreaterThan(1024)
      expect(await bench.engine.address(task.id, 9090)).toBeNull()
    })

    test('can be kept from writing to a mount, and allowed again', async () => {
      await bench.close()
      const protection = new OutsideProtection('python3', join(daemon.base, 'protection.log'))
      bench = makeDockerBench(daemon, { protection })
      const kept = bench.folder('kept')
      const task = bench.task(
        'while :; do if echo x > /kept/x; then echo wrote; else echo refused; fi; sleep 0.05; done',
        {
          mounts: [{ source: kept, target: '/kept', mode: 'rw' }],
        },
      )
      await bench.engine.start(task)
      const saw = async (word: string, after = 0) => {
        for (;;) {
          const at = bench.output(task.id).indexOf(word, after)
          if (at >= 0) return at
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
      }
      await running(bench.engine, task.id)
      await saw('wrote')
      const make = (writable: boolean) =>
        expect.poll(() => bench.engine.setWritable(task.id, '/kept', writable), { timeout: 20_000 }).toBe(true)
      await make(false)
      const refused = await saw('refused')
      await make(true)
      expect(await saw('wrote', refused)).toBeGreaterThan(refused)
    })

    test('leads us nowhere by what it puts in place of our files', async () => {
      const precious = bench.folder('precious', { file: 'precious' })
      const task = bench.task(`ln -s ${precious}/file /.nabla/state/stop; echo done; sleep 1000`)
      await bench.engine.start(task)
      await expect.poll(() => bench.output(task.id), { timeout: 20_000 }).toBe('done\n')
      await bench.engine.stop(task.id, 5_000)
      expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'signal', code: 143 })
      expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('precious')
    })

    test('gets no further than its own', async () => {
      const attempts = {
        mount: 'mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /tmp',
        device: 'mknod /tmp/disk b 8 0',
        namespace: 'unshare --mount true',
        user: 'unshare --user --map-root-user mount -t tmpfs none /tmp',
        kernel: 'echo 1 > /proc/sys/kernel/panic',
        sysrq: 'echo b > /proc/sysrq-trigger',
        sys: 'echo 1 > /sys/kernel/uevent_helper',
        groups: 'cd /sys/fs/cgroup; if [ -d memory ]; then cd memory; fi; mkdir escape',
        socket: 'test -S /var/run/docker.sock || test -S /run/podman/podman.sock',
        memory: 'head -c 1 /dev/mem',
        network: 'ip link add escape type dummy',
        clock: 'date -s 2001-01-01',
        remount: 'mount -o remount,rw,bind /data',
      }
      const shown = bench.folder('shown', { a: 'a' })
      const commands = Object.entries(attempts).map(([name, text]) => `if ( ${text} ); then echo escaped ${name}; fi`)
      const status =
        'while read -r line; do case $line in CapBnd*|NoNewPrivs*|Seccomp:*) echo $line;; esac; done < /proc/self/status'
      const { report, out } = await run([...commands, status].join('\n'), {
        mounts: [{ source: shown, target: '/data', mode: 'ro' }],
      })
      expect(report.exit?.code).toBe(0)
      expect(out).not.toContain('escaped')
      // chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service, sys_chroot, setfcap
      expect(out.split('\n')).toEqual(
        expect.arrayContaining(['CapBnd: 00000000800404fb', 'NoNewPrivs: 1', 'Seccomp: 2']),
      )
    })
  })
}
