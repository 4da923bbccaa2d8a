import { toIso } from '../lib/clock.ts'
import type { Gang, Task } from '../tasks/task.ts'

interface Wish extends Partial<Omit<Task, 'request'>> {
  cpus?: number
  memoryBytes?: number
  wantsGpus?: number
  ports?: number[]
  gang?: Gang
}

const GiB = 1024 ** 3

/** A task that is running on the fake engine, but for what is wished otherwise. */
export function aTask(wish: Wish = {}): Task {
  const { cpus = 1, memoryBytes = GiB, wantsGpus = 0, ports = [], gang, ...row } = wish
  const createdAt = toIso(Date.UTC(2026, 0, 1))
  return {
    id: 'tk0000000000000000',
    teamId: 'te0000000000000000',
    ownerId: 'j0000000000000000',
    attempt: 1,
    engine: 'fake',
    machineType: 'C1',
    priority: 50,
    request: {
      image: 'host',
      command: 'true',
      workingDir: '/paperspace',
      env: {},
      volumes: [],
      requirements: null,
      ports,
      resources: { cpus, memoryBytes, gpus: wantsGpus },
      projectId: 'pr0000000000000000',
      ...(gang && { gang }),
    },
    gpus: [],
    desired: 'run',
    stopGraceMs: 0,
    stopReason: null,
    state: 'running',
    phases: [],
    exit: null,
    createdAt,
    startedAt: createdAt,
    endedAt: null,
    removedAt: null,
    version: 1,
    ranMs: 0,
    ...row,
  }
}
