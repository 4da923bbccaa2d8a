import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'

/**
 * The sizes that Gradient had, as https://docs.digitalocean.com/products/paperspace/machines/details/pricing/ and the
 * help of its clients name them: processors of those without a GPU, GPUs of the others.
 */
const sizes: Record<string, { cpus: number } | { gpus: number }> = {
  Air: { cpus: 1 },
  Standard: { cpus: 2 },
  Pro: { cpus: 4 },
  Advanced: { cpus: 6 },
  C1: { cpus: 1 },
  C2: { cpus: 1 },
  C3: { cpus: 2 },
  C4: { cpus: 2 },
  C5: { cpus: 4 },
  C6: { cpus: 8 },
  C7: { cpus: 12 },
  C8: { cpus: 16 },
  C9: { cpus: 24 },
  C10: { cpus: 32 },
  'GPU+': { gpus: 1 },
  M4000: { gpus: 1 },
  P4000: { gpus: 1 },
  P4000x2: { gpus: 2 },
  P5000: { gpus: 1 },
  P5000x4: { gpus: 4 },
  P6000: { gpus: 1 },
  RTX4000: { gpus: 1 },
  RTX5000: { gpus: 1 },
  A4000: { gpus: 1 },
  A4000x2: { gpus: 2 },
  A4000x4: { gpus: 4 },
  A5000: { gpus: 1 },
  A5000x2: { gpus: 2 },
  A5000x4: { gpus: 4 },
  A6000: { gpus: 1 },
  A6000x2: { gpus: 2 },
  A6000x4: { gpus: 4 },
  A100: { gpus: 1 },
  'A100-80G': { gpus: 1 },
  A100x8: { gpus: 8 },
  H100: { gpus: 1 },
  H100x8: { gpus: 8 },
  K80: { gpus: 1 },
  P100: { gpus: 1 },
  V100: { gpus: 1 },
  'V100-32G': { gpus: 1 },
  'V100-32Gx2': { gpus: 2 },
  'V100-32Gx4': { gpus: 4 },
  GV100: { gpus: 1 },
  GV100x8: { gpus: 8 },
  G1: { gpus: 1 },
  G6: { gpus: 1 },
  G12: { gpus: 1 },
}

type Place = Pick<Deps, 'config' | 'machineTypes'>

/**
 * The machine type of this server that a name means: what the settings say, else one of that very name, else the
 * smallest that has as much as Gradient's had; of those without a GPU the largest, if none has. Undefined: no name was
 * given. Throws AppError `invalid` that says what to do.
 */
export function machineTypeFor({ config, machineTypes }: Place, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const configured = config.gradient.machineTypes[name]
  if (configured !== undefined) return configured
  if (machineTypes.find(name)) return name
  const size = sizes[name]
  const means = size && nearest(machineTypes.all, size)
  if (means) return means
  const names = machineTypes.all.map((type) => type.name).join(', ')
  const detail = size
    ? `${name} has a GPU, and no machine type of this server has ${gpusOf(size)}. There are: ${names}. ` +
      `The setting gradient.machineTypes says what ${name} means here.`
    : `There is no machine type ${name.slice(0, 60)} here. There are: ${names}.`
  throw new AppError('invalid', { detail })
}

/** All names of Gradient that mean something here, and what. */
export function gradientMachineTypes(place: Place): { name: string; means: string }[] {
  const { config, machineTypes } = place
  const known = [...Object.keys(sizes), ...Object.keys(config.gradient.machineTypes)]
  return [...new Set(known)].flatMap((name) => {
    const size = sizes[name]
    const means = config.gradient.machineTypes[name] ?? (size && nearest(machineTypes.all, size))
    return means === undefined ? [] : [{ name, means }]
  })
}

function nearest(all: Place['machineTypes']['all'], size: { cpus: number } | { gpus: number }): string | undefined {
  if ('gpus' in size) return all.find((type) => type.gpus >= size.gpus)?.name
  const plain = all.filter((type) => type.gpus === 0)
  return (plain.find((type) => type.cpus >= size.cpus) ?? plain.at(-1))?.name
}

const gpusOf = (size: { cpus: number } | { gpus: number }): string =>
  'gpus' in size && size.gpus > 1 ? `${size.gpus} GPUs` : 'one'
