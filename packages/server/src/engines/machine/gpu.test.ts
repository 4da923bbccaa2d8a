import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { findGpus, parseGpus } from './gpu.ts'

test('reads what nvidia-smi prints', () => {
  const text = '0, NVIDIA H100 80GB HBM3, 81559\n1, Tesla T4, 15360\n2, NVIDIA GB10, [N/A]\nNo devices were found\n'
  expect(parseGpus(text)).toEqual([
    { index: 0, name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81_559 * 2 ** 20 },
    { index: 1, name: 'Tesla T4', memoryBytes: 15_360 * 2 ** 20 },
    { index: 2, name: 'NVIDIA GB10', memoryBytes: 0 },
  ])
})

test('finds none where nvidia-smi is missing or fails', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-gpu-'))
  expect(await findGpus(folder)).toEqual([])
  writeFileSync(join(folder, 'nvidia-smi'), '#!/bin/sh\nexit 9\n')
  chmodSync(join(folder, 'nvidia-smi'), 0o755)
  expect(await findGpus(folder)).toEqual([])
  rmSync(folder, { recursive: true })
})
