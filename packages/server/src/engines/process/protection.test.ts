import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { ended, running } from '../engine-suite.ts'
import { isRoot, makeBench, type ProcessBench } from './test-bench.ts'

const nobody = isRoot ? 'as root' : 'as root (skipped: this is not root)'

describe.runIf(isRoot)(`a mount of a running task, ${nobody}`, () => {
  let bench: ProcessBench
  beforeEach(async () => {
    bench = await makeBench('root')
  })
  afterEach(() => bench.close())

  test('can be made read-only and writable again', async () => {
    const storage = bench.folder('storage')
    const until = (attempt: string) => `until ${attempt}; do sleep 0.02; done`
    const command = [
      'touch /storage/first',
      until('! touch /storage/second 2>/tmp/error'),
      'cat /tmp/error',
      until('touch /storage/third 2>/dev/null'),
    ].join('; ')
    const task = bench.task(command, { mounts: [{ source: storage, target: '/storage', mode: 'rw' }] })
    await bench.engine.start(task)
    await running(bench.engine, task.id)
    await vi.waitFor(async () => expect(await bench.engine.setWritable(task.id, '/storage', false)).toBe(true), 10_000)
    await vi.waitFor(() => expect(bench.output(task.id)).toContain('Read-only file system'), 10_000)
    expect(await bench.engine.setWritable(task.id, '/storage', true)).toBe(true)
    expect((await ended(bench.engine, task.id)).exit).toMatchObject({ cause: 'exit', code: 0 })
  })

  test('is told to be in use while a file in it is open for writing', async () => {
    const storage = bench.folder('storage')
    const go = join(bench.folder('signal'), 'go')
    const command =
      'exec 3>/storage/open; echo opened; until [ -e /signal/go ]; do sleep 0.02; done; exec 3>&-; sleep 60'
    const mounts = [
      { source: storage, target: '/storage', mode: 'rw' as const },
      { source: join(go, '..'), target: '/signal', mode: 'ro' as const },
    ]
    const task = bench.task(command, { mounts })
    await bench.engine.start(task)
    await vi.waitFor(() => expect(bench.output(task.id)).toBe('opened\n'), 10_000)
    expect(await bench.engine.setWritable(task.id, '/storage', false)).toBe(false)
    closeSync(openSync(go, 'w'))
    await vi.waitFor(async () => expect(await bench.engine.setWritable(task.id, '/storage', false)).toBe(true), 10_000)
  })

  test('of a task that has ended is nobody’s concern', async () => {
    const task = bench.task('true')
    await bench.engine.start(task)
    await ended(bench.engine, task.id)
    expect(await bench.engine.setWritable(task.id, '/storage', false)).toBe(true)
    expect(await bench.engine.setWritable('tk-unknown', '/storage', false)).toBe(true)
  })
})
