import type { MachineTypeConfig } from '../config.ts'
import type { Capacity } from '../engines/engine.ts'

export interface MachineType {
  name: string
  engine: string
  cpus: number
  memoryBytes: number
  gpus: number
  gpuName: string | null
  /** Images that are fetched before a task asks for them. */
  images?: readonly string[]
  /** What an hour of it costs, where the settings say. */
  pricePerHour?: number | undefined
}

export interface MachineTypes {
  /** Smallest first. */
  all: readonly MachineType[]
  default: MachineType
  /** The one of each engine for jobs that name none. */
  defaults: ReadonlyMap<string, MachineType>
  /** What each engine has to give out, processors already multiplied by the overcommit. */
  capacity: ReadonlyMap<string, Capacity>
  find(name: string): MachineType | undefined
}

/** As the settings have it. */
type ConfiguredType = Omit<MachineTypeConfig, 'images'> & { images?: readonly string[] }

const MiB = 1024 * 1024

/** Share of the memory that stays with the machine itself and the server. */
const reservedShare = 0.1

/**
 * The machine types of a server: those of the settings, else slices of what each engine has: C1, C2, C4 … up to all
 * processors with their share of the memory, and G1, G2 … with GPUs where there are any. Those of the first engine are
 * called so, those of another have its name behind: C1-docker. A job that names none gets the named default, else one
 * GPU where there is one, else half of the processors.
 */
export function makeMachineTypes(
  capacities: ReadonlyMap<string, Capacity>,
  configured: readonly ConfiguredType[],
  defaultName: string | undefined,
  cpuOvercommit: number,
): MachineTypes {
  const all = configured.length > 0 ? configured.map((type) => fromConfig(type, capacities)) : []
  if (all.length === 0) {
    for (const [index, [engine, capacity]] of [...capacities].entries()) {
      all.push(...slices(engine, capacity, index === 0 ? '' : `-${engine}`))
    }
  }
  all.sort((a, b) => a.gpus - b.gpus || a.cpus - b.cpus || a.memoryBytes - b.memoryBytes)
  const engines = [...capacities.keys()]
  const usualOf = (engine: string) => usual(all.filter((type) => type.engine === engine))
  const named = all.find((type) => type.name === defaultName)
  const fallback = named ?? engines.map(usualOf).find((type) => type !== undefined) ?? usual(all)
  if (!fallback || (defaultName !== undefined && fallback.name !== defaultName)) {
    throw new Error(`the default machine type ${defaultName} is not among ${all.map((type) => type.name).join(', ')}`)
  }
  const capacity = new Map(
    [...capacities].map(([engine, has]) => [engine, { ...has, cpus: has.cpus * cpuOvercommit }] as const),
  )
  const defaults = new Map<string, MachineType>()
  for (const engine of engines) {
    const type = fallback.engine === engine ? fallback : usualOf(engine)
    if (type) defaults.set(engine, type)
  }
  return { all, default: fallback, defaults, capacity, find: (name) => all.find((type) => type.name === name) }
}

/** Powers of two up to all of the machine; memory in proportion, in whole MiB. */
function slices(engine: string, capacity: Capacity, suffix: string): MachineType[] {
  const memory = capacity.memoryBytes * (1 - reservedShare)
  const share = (part: number) => Math.floor((memory * part) / MiB) * MiB
  const types: MachineType[] = []
  for (const cpus of powersUpTo(capacity.cpus)) {
    const memoryBytes = share(cpus / capacity.cpus)
    types.push({ name: `C${cpus}${suffix}`, engine, cpus, memoryBytes, gpus: 0, gpuName: null })
  }
  const gpuCount = capacity.gpus.length
  for (const gpus of powersUpTo(gpuCount)) {
    const part = gpus / gpuCount
    const cpus = Math.max(1, Math.floor(capacity.cpus * part))
    const gpuName = capacity.gpus[0]!.name
    types.push({ name: `G${gpus}${suffix}`, engine, cpus, memoryBytes: share(part), gpus, gpuName })
  }
  return types
}

function powersUpTo(count: number): number[] {
  const sizes: number[] = []
  for (let size = 1; size < count; size *= 2) sizes.push(size)
  if (count >= 1) sizes.push(count)
  return sizes
}

function fromConfig(type: ConfiguredType, capacities: ReadonlyMap<string, Capacity>): MachineType {
  const gpuName = type.gpus > 0 ? (capacities.get(type.engine)?.gpus[0]?.name ?? null) : null
  return { ...type, gpuName }
}

/** One GPU where there is one, else half of the processors. */
function usual(types: readonly MachineType[]): MachineType | undefined {
  return types.find((type) => type.gpus > 0) ?? middle(types)
}

function middle(types: readonly MachineType[]): MachineType | undefined {
  const largest = Math.max(...types.map((type) => type.cpus))
  return types.findLast((type) => type.cpus <= Math.max(1, largest / 2)) ?? types[0]
}
