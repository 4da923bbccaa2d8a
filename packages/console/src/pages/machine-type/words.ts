import type { MachineType } from '@nabla/api/machine-type'
import { amountText } from '@nabla/api/sweep-views'
import { formatMemory } from '../../parts/format.ts'

/** `4`, `0.5`. */
export const formatCpus = (cpus: number): string => String(Number(cpus.toFixed(2)))

/** What a job of this type gets: `4 CPUs · 16.0 GiB · 1 × H100`. */
export function sizeOf({ cpus, memoryBytes, gpus, gpuName, pricePerHour }: MachineType): string {
  const parts = [`${formatCpus(cpus)} ${cpus === 1 ? 'CPU' : 'CPUs'}`, formatMemory(memoryBytes)]
  if (gpus > 0) parts.push(`${gpus} × ${gpuName ?? 'GPU'}`)
  if (pricePerHour !== null) parts.push(`${amountText(pricePerHour)} an hour`)
  return parts.join(' · ')
}
