import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'

import { sampled } from '../engine-suite.ts'
import { findFiles, readFigures, readNetwork } from '../machine/task-figures.ts'
import { isRoot, makeBench } from './test-bench.ts'

function groupWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-use-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** Recorded on Linux 6.1 with version 2, and on 6.18 with version 1. */
const two = {
  'cgroup.procs': '',
  'cpu.stat':
    'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 9\n',
  'memory.current': '104857600\n',
  'memory.peak': '209715200\n',
  'memory.stat': 'anon 80000000\nfile 24857600\ninactive_anon 1\nactive_anon 2\ninactive_file 4857600\nactive_file 3\n',
  'pids.current': '7\n',
}
const one = {
  'cgroup.procs': '',
  'cpu.stat': 'nr_periods 40\nnr_throttled 10\nthrottled_time 900\n',
  'cpuacct.usage': '2500000000\n',
  'memory.usage_in_bytes': '104857600\n',
  'memory.max_usage_in_bytes': '209715200\n',
  'memory.stat': 'inactive_file 1\nhierarchical_memory_limit 5\ntotal_inactive_file 4857600\n',
  'pids.current': '7\n',
}

test.each([
  ['version 2', two],
  ['version 1', one],
])('reads control groups of %s', (_, files) => {
  const place = { pid: process.pid, start: 0, ...findFiles([groupWith(files)]) }
  expect(readFigures(place)).toMatchObject({
    cpuSeconds: 2.5,
    cpuPeriods: 40,
    cpuThrottledPeriods: 10,
    memoryBytes: 100_000_000,
    memoryPeakBytes: 209_715_200,
    processes: 7,
  })
})

test('leaves out what the machine does not tell', () => {
  const figures = readFigures({ pid: 2 ** 22 + 1, start: 0, ...findFiles([groupWith({ 'cgroup.procs': '' })]) })
  expect(figures).toEqual({ processes: 0 })
})

test('has no network figures for a process with the network of the machine', () => {
  expect(readNetwork(process.pid)).toEqual({})
})

test.skipIf(!isRoot)('counts what goes over a network of its own (needs root)', async () => {
  const child = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  await vi.waitFor(() => expect(readNetwork(child.pid ?? 0)).toEqual({ networkInBytes: 0, networkOutBytes: 0 }), 5_000)
})

test.each(isRoot ? (['root', 'user'] as const) : (['root'] as const))(
  'sees what is written, also by a process that has ended, on an engine of %s',
  async (who) => {
    const bench = await makeBench(who)
    onTestFinished(() => bench.close())
    const task = bench.task('head -c 20000000 /dev/urandom > file; sync; sleep 1000')
    await bench.engine.start(task)
    // On a machine whose temporary folder is in memory nothing is written to a disk.
    const kind = execFileSync('stat', ['-f', '-c', '%T', bench.dataDir], { encoding: 'utf8' }).trim()
    const least = kind === 'tmpfs' || who === 'user' ? 0 : 20_000_000
    const sample = await sampled(bench.engine, task.id, ({ diskWriteBytes }) => (diskWriteBytes ?? -1) >= least)
    expect(sample.diskReadBytes).toBeGreaterThanOrEqual(0)
  },
)
