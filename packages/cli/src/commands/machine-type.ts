import { type MachineType, machineTypeRoutes } from '@nabla/api/machine-type'
import { amountText } from '@nabla/api/sweep-views'
import type { Group } from '../command.ts'
import { formatMemory } from '../terminal/format.ts'
import { listCommand } from '../from-contract.ts'

const list = listCommand<MachineType>('machine-type', machineTypeRoutes, {
  about: 'Show what a job can ask for, smallest first',
  columns: ({ out }) => [
    {
      title: 'NAME',
      rank: 0,
      value: ({ name, isDefault }) => (isDefault ? `${name} (default)` : name),
      paint: (text, { isDefault }) => (isDefault ? out.style('bold', text) : text),
    },
    { title: 'CPUS', rank: 1, align: 'right', value: ({ cpus }) => String(Number(cpus.toFixed(2))) },
    { title: 'MEMORY', rank: 2, align: 'right', value: ({ memoryBytes }) => formatMemory(memoryBytes) },
    {
      title: 'GPUS',
      rank: 3,
      value: ({ gpus, gpuName }) => (gpus === 0 ? '–' : `${gpus}${gpuName ? ` × ${gpuName}` : ''}`),
    },
    {
      title: 'FREE NOW',
      rank: 4,
      align: 'right',
      value: ({ available }) => String(available),
      paint: (text, { available }) => (available === 0 ? out.style('yellow', text) : text),
    },
    {
      title: 'PER HOUR',
      rank: 6,
      align: 'right',
      value: ({ pricePerHour }) => (pricePerHour === null ? '–' : amountText(pricePerHour)),
    },
    { title: 'ENGINE', rank: 5, value: ({ engine }) => engine },
  ],
  empty: 'This server has no machine types.',
  examples: [
    { line: 'machine-type list', about: 'with how many could start now' },
    { line: 'run --machine-type NAME -- python train.py', about: 'ask for one' },
  ],
})

export const machineType: Group = { name: 'machine-type', about: 'What a job can ask for', commands: [list] }
