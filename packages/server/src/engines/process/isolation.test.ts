import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { TaskSpec } from '../engine.ts'
import { ended } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench, type Who } from './test-bench.ts'

const users: Who[] = isRoot ? ['root', 'user'] : ['root']

const unlessRoot = isRoot ? '' : ' (skipped: this is not root)'

describe.each(users)('a task of the process engine, as %s', (who) => {
  let bench: ProcessBench
  beforeEach(async () => {
    bench = await makeBench(who)
  })
  afterEach(() => bench.close())

  /** Runs a command to its end and gives its standard output. */
  const run = async (command: string, changes: Partial<TaskSpec> = {}) => {
    const task = bench.task(command, changes)
    await bench.engine.start(task)
    const { exit } = await ended(bench.engine, task.id)
    return { exit, out: bench.output(task.id), err: bench.output(task.id, 'stderr'), id: task.id }
  }

  test('sees its trees at absolute paths and by their aliases', async () => {
    const source = bench.folder('workspace', { 'train.py': 'one\n' })
    const mounts = ['/paperspace', '/artifacts', '/storage', '/data/mnist'].map((target) => ({
      source,
      target,
      mode: 'ro' as const,
      ...(target === '/paperspace' && { aliases: ['/home/paperspace', '/notebooks'] }),
    }))
    const paths = '/paperspace /home/paperspace /notebooks /artifacts /storage /data/mnist'
    const { out, err } = await run(`pwd; for p in ${paths}; do cat $p/train.py; done`, { mounts })
    expect(err).toBe('')
    expect(out).toBe(`/paperspace\n${'one\n'.repeat(6)}`)
  })

  test('writes to a copy without reaching the source', async () => {
    const source = bench.folder('workspace', { 'train.py': 'one\n', 'old/data.txt': 'old\n' })
    const mounts: TaskSpec['mounts'] = [{ source, target: '/paperspace', mode: 'copy' }]
    const { out, exit } = await run('echo two > train.py && rm -r old && touch new && cat train.py && ls', { mounts })
    expect(exit?.code).toBe(0)
    expect(out).toBe('two\nnew\ntrain.py\n')
    expect(readFileSync(join(source, 'train.py'), 'utf8')).toBe('one\n')
    expect(readFileSync(join(source, 'old/data.txt'), 'utf8')).toBe('old\n')
    expect(existsSync(join(source, 'new'))).toBe(false)
  })

  test('keeps what it writes to a tree of its own, and cannot write to one that is read-only', async () => {
    const [own, shared] = [bench.folder('artifacts'), bench.folder('dataset', { 'a.txt': 'a\n' })]
    const mounts: TaskSpec['mounts'] = [
      { source: own, target: '/artifacts', mode: 'rw' },
      { source: shared, target: '/data/set', mode: 'ro' },
    ]
    const { err } = await run('echo kept > /artifacts/model; echo b > /data/set/a.txt; rm /data/set/a.txt', { mounts })
    expect(readFileSync(join(own, 'model'), 'utf8')).toBe('kept\n')
    expect(readFileSync(join(shared, 'a.txt'), 'utf8')).toBe('a\n')
    expect(err.match(/Read-only file system/g)).toHaveLength(2)
  })

  test('cannot see the data folder of the server nor the files that are hidden', async () => {
    mkdirSync(join(bench.dataDir, 'secrets'), { recursive: true })
    writeFileSync(join(bench.dataDir, 'secrets', 'key'), 'secret')
    const { out } = await run(
      `ls -A ${bench.dataDir} 2>/dev/null; cat /etc/shadow 2>/dev/null | cut -d: -f2 | sort -u; env`,
    )
    expect(out).not.toMatch(/secrets|\$/)
    expect(out).not.toContain('NABLA_TEST_SECRET')
  })

  test('sees no process but its own', async () => {
    const { out } = await run(
      'for p in /proc/[0-9]*; do echo $p; done | wc -l; ls /proc/1/root /proc/1/fd 2>&1 | head -1',
    )
    const [count, own] = out.split('\n')
    expect(Number(count)).toBeLessThanOrEqual(4)
    expect(own).toMatch(/Permission denied|cannot/)
    expect(out).not.toContain(String(process.pid))
  })

  test('has only the rights of a container', async () => {
    const { out } = await run("grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status")
    const rights = Object.fromEntries(
      out
        .trim()
        .split('\n')
        .map((line) => line.split(/:\s+/)),
    )
    expect(rights).toEqual({ CapEff: '00000000a00425fb', CapBnd: '00000000a00425fb', NoNewPrivs: '1', Seccomp: '2' })
  })

  test.each([
    ['mount a file system', 'mount -t tmpfs none /mnt'],
    ['enter another user namespace', 'unshare -Ur true'],
    ['make a device file', 'mknod /tmp/disk b 254 0'],
    ['turn a knob of the kernel', 'echo 1 > /proc/sys/kernel/sysrq'],
    ['restart the machine', 'echo h > /proc/sysrq-trigger'],
    ['write to /sys', 'mkdir /sys/kernel/more'],
    ['uncover the data folder', 'umount -l "$DATA"'],
  ])('cannot %s', async (_, command) => {
    const { exit, err } = await run(command, { env: { DATA: bench.dataDir } })
    expect(exit?.code).not.toBe(0)
    expect(err).toMatch(/denied|not permitted|Read-only|must be superuser|Directory nonexistent|no mount point/i)
  })

  test('has a home, temporary folders and devices that work', async () => {
    const command =
      'set -e; echo $HOME $HOSTNAME; touch ~/a /tmp/a /var/tmp/a /dev/shm/a; echo x > /dev/null; head -c1 /dev/urandom | wc -c; ls /tmp; getent hosts $HOSTNAME'
    const { out, err, id, exit } = await run(command)
    expect(err).toBe('')
    expect(exit?.code).toBe(0)
    expect(out).toMatch(new RegExp(`^/home/nabla ${id}\\n1\\na\\n127.0.1.1 +${id}`))
  })

  test('leaves its output complete', async () => {
    const { out, err } = await run('seq 1 200000; echo done >&2')
    expect(out.split('\n')).toHaveLength(200_001)
    expect(out.endsWith('\n200000\n')).toBe(true)
    expect(err).toBe('done\n')
  })

  test('gets what it asks for in its environment', async () => {
    const command = 'echo "$A-$CUDA_VISIBLE_DEVICES-$PYTHONUNBUFFERED-$OMP_NUM_THREADS-$HOME"'
    const { out } = await run(command, { env: { A: 'x y', HOME: '/srv' } })
    expect(out).toBe('x y--1-1-/srv\n')
  })

  if (who === 'root')
    test.runIf(isRoot)(`finds its own limits where programs look for them${unlessRoot}`, async () => {
      const command = 'cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes 2>/dev/null; touch x || ls'
      const { out, err } = await run(command)
      expect(out).toContain(String(512 * 2 ** 20))
      expect(out).not.toContain('nabla')
      expect(err).toContain('Read-only')
    })

  test('starts in a folder that is made for it', async () => {
    const { out } = await run('pwd', { workingDir: '/srv/deep/down' })
    expect(out).toBe('/srv/deep/down\n')
  })

  if (who === 'root')
    test.runIf(isRoot)(`changes a machine of its own, not the real one${unlessRoot}`, async () => {
      const name = `nabla-test-${process.pid}`
      const { exit } = await run(
        `echo x > /etc/${name} && echo x > /usr/bin/${name} && rm /etc/hostname && useradd -m ${name}`,
      )
      expect(exit).toMatchObject({ code: 0 })
      expect(existsSync(`/etc/${name}`)).toBe(false)
      expect(existsSync(`/usr/bin/${name}`)).toBe(false)
      expect(existsSync('/etc/hostname')).toBe(true)
      expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(name)
    })
})
