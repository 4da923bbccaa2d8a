import type { MachineUse } from '@nabla/api/metric'
import { givenOut, machinesOf } from '../../control/place.ts'
import { readHeld } from '../../control/queue.ts'
import type { Deps } from '../../deps.ts'
import { toIso } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import type { MachineReading } from '../../metrics/machine-reading.ts'
import { machineSubject } from '../../metrics/sampler.ts'
import type { Task } from '../../tasks/task.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { toMetricRange, toRangeQuery } from '../metric-query.ts'

/** What the machine does, and what of it is given out. Nothing in it tells one team from another. */
export const machineHandlers: Pick<Handlers<'server'>, 'machine' | 'machineMetrics' | 'followMachine'> = {
  machine: async (_request, deps) => toMachineUse(deps, await deps.sampler.machine()),

  async machineMetrics({ query }, deps) {
    const range = await deps.measurements.read(machineSubject, toRangeQuery(query, 'machine'), limits.metricIdleMs)
    const { memoryTotalBytes, diskTotalBytes, cores } = await deps.sampler.machine()
    const given = new Map([
      ['cpu', cores],
      ['memory', memoryTotalBytes],
      ['disk', diskTotalBytes],
    ])
    return toMetricRange(range, ({ name }) => given.get(name) ?? null)
  },

  followMachine: ({ signal }, deps) => ({ events: toEvents(deps, signal) }),
}

/** A reading with what machine types have given out. */
export async function toMachineUse(deps: Deps, reading: MachineReading): Promise<MachineUse> {
  const { holding, queued } = await readHeld(deps.db)
  const { cores, usedCores, perCore, load } = reading
  return {
    at: toIso(reading.at),
    cpu: { usedCores, cores, perCore },
    memory: { usedBytes: reading.memoryUsedBytes, totalBytes: reading.memoryTotalBytes },
    load,
    disk: { usedBytes: reading.diskUsedBytes, totalBytes: reading.diskTotalBytes },
    gpus: gpusOf(deps, holding, reading),
    given: givenOut(holding, deps.machineTypes.capacity),
    tasks: { running: holding.length, queued },
  }
}

function gpusOf({ machineTypes }: Deps, holding: readonly Task[], reading: MachineReading): MachineUse['gpus'] {
  const taken = new Set(holding.flatMap((task) => task.gpus))
  return machinesOf(machineTypes.capacity).flatMap(({ gpus }) =>
    gpus.map(({ index, name, memoryBytes }) => {
      const sample = reading.gpus.find((one) => one.index === index)
      return {
        index,
        name,
        taken: taken.has(index),
        utilization: sample?.utilization ?? null,
        memoryUsedBytes: sample?.memoryUsedBytes ?? null,
        memoryTotalBytes: sample?.memoryTotalBytes ?? memoryBytes,
        powerWatts: sample?.powerWatts ?? null,
        temperatureCelsius: sample?.temperatureCelsius ?? null,
      }
    }),
  )
}

async function* toEvents(deps: Deps, signal: AbortSignal): AsyncGenerator<StreamItem> {
  for await (const reading of deps.sampler.follow(signal)) {
    yield { id: String(reading.at), data: await toMachineUse(deps, reading) }
  }
}
