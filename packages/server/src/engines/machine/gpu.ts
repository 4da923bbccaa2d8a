import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { Gpu } from '../engine.ts'

const run = promisify(execFile)

/** A driver that hangs must not hang us; a healthy one answers in well under this. */
const queryMs = 5_000
const query = ['--query-gpu=index,name,memory.total', '--format=csv,noheader,nounits']

/** The GPUs of this machine, as `nvidia-smi` tells; none when it is not there or does not answer. */
export async function findGpus(path: string): Promise<Gpu[]> {
  try {
    const { stdout } = await run('nvidia-smi', query, { timeout: queryMs, killSignal: 'SIGKILL', env: { PATH: path } })
    return parseGpus(stdout)
  } catch {
    return []
  }
}

/** Reads lines such as `0, NVIDIA H100 80GB HBM3, 81559`; the memory is in MiB. */
export function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const [index, name, mebibytes] = line.split(',').map((field) => field.trim())
    if (!index || !name || !mebibytes || !/^\d+$/.test(index)) return []
    return [{ index: Number(index), name, memoryBytes: (Number(mebibytes) || 0) * 1024 ** 2 }]
  })
}
