import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'

import type { Capacity } from '../engine.ts'
import { findGpus } from './gpu.ts'

/** What tasks may share on this machine: less than its hardware when the server itself runs within limits. */
export async function machineCapacity(path: string): Promise<Capacity> {
  return {
    cpus: availableParallelism(),
    memoryBytes: Math.min(totalmem(), await ownMemoryLimit()),
    gpus: await findGpus(path),
    machine: 'here',
  }
}

/** In a container, the files at the top of the control groups are the container's own. */
async function ownMemoryLimit(): Promise<number> {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number((await readFile(file, 'utf8')).trim())
      if (limit > 0) return limit
    } catch {
      // The other version of control groups, or none.
    }
  }
  return Infinity
}
