import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

import { systemClock, TestClock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import { GpuMeter, parseGpuUse } from './gpu-meter.ts'

const MiB = 2 ** 20

test('reads what nvidia-smi prints', () => {
  const text =
    '0, 97, 41, 30012, 81559, 412.07, 63\n1, 0, 0, 4, 15360, [N/A], 38\n2, [Not Supported], [N/A], 1, 2, 5.5, 40\n'
  expect(parseGpuUse(text)).toEqual([
    {
      index: 0,
      utilization: 97,
      memoryUtilization: 41,
      memoryUsedBytes: 30_012 * MiB,
      memoryTotalBytes: 81_559 * MiB,
      powerWatts: 412.07,
      temperatureCelsius: 63,
    },
    {
      index: 1,
      utilization: 0,
      memoryUtilization: 0,
      memoryUsedBytes: 4 * MiB,
      memoryTotalBytes: 15_360 * MiB,
      temperatureCelsius: 38,
    },
    { index: 2, memoryUsedBytes: MiB, memoryTotalBytes: 2 * MiB, powerWatts: 5.5, temperatureCelsius: 40 },
  ])
  expect(parseGpuUse('NVIDIA-SMI has failed because it could not communicate with the driver.\n\n')).toEqual([])
})

function nvidiaSmi(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-gpu-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, 'nvidia-smi'), 0o755)
  return folder
}

test('runs it once for all who ask at the same time', async () => {
  const folder = nvidiaSmi(
    'echo . >> "$(dirname "$0")/runs"; echo "0, $(wc -l < "$(dirname "$0")/runs"), 0, 1, 2, 3, 4"',
  )
  const path = `${folder}:/usr/bin:/bin`
  const meter = new GpuMeter(systemClock, path)
  const readings = await Promise.all([meter.read(), meter.read(), meter.read()])
  expect(readings.map(([gpu]) => gpu?.utilization)).toEqual([1, 1, 1])
  expect((await meter.read())[0]?.utilization).toBe(2)
})

test('goes on without an answer when it hangs or is missing', async () => {
  const clock = new TestClock()
  const meter = new GpuMeter(clock, nvidiaSmi('exec sleep 3'))
  const reading = meter.read()
  clock.advance(limits.metricGpuWaitMs)
  expect(await reading).toEqual([])
  expect(await new GpuMeter(systemClock, '/nonexistent').read()).toEqual([])
})
