import type { MachineType } from '@nabla/api/machine-type'
import { amountText } from '@nabla/api/sweep-views'
import type { ReactNode } from 'react'
import { client } from '../../api/client.ts'
import { useShortList } from '../../api/short-list.ts'
import { formatMemory } from '../../parts/format.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { type Column, DataTable } from '../../parts/data-table.tsx'
import { EmptyState } from '../../parts/states.tsx'
import { SectionHead } from '../settings/section.tsx'
import { formatCpus } from './words.ts'

const columns: readonly Column<MachineType>[] = [
  {
    id: 'name',
    title: 'Name',
    width: 'minmax(120px, 2fr)',
    cell: ({ name, isDefault }) => (
      <>
        {name} {isDefault && <span className="faint">default</span>}
      </>
    ),
  },
  { id: 'cpus', title: 'CPUs', width: '64px', align: 'right', card: 'fact', cell: ({ cpus }) => <Cpus cpus={cpus} /> },
  {
    id: 'memory',
    title: 'Memory',
    width: '90px',
    align: 'right',
    card: 'fact',
    cell: (row) => formatMemory(row.memoryBytes),
  },
  { id: 'gpus', title: 'GPUs', width: 'minmax(80px, 1fr)', card: 'fact', cell: (row) => <Gpus {...row} /> },
  {
    id: 'price',
    title: 'Per hour',
    width: '80px',
    align: 'right',
    cell: ({ pricePerHour }) =>
      pricePerHour === null ? <span className="faint none">–</span> : amountText(pricePerHour),
  },
  { id: 'free', title: 'Free now', width: '80px', align: 'right', cell: ({ available }) => available },
  { id: 'engine', title: 'Engine', width: '100px', card: 'fact', cell: ({ engine }) => engine },
]

function Cpus({ cpus }: { cpus: number }): ReactNode {
  return (
    <>
      {formatCpus(cpus)}
      <span className="only-phone"> {cpus === 1 ? 'CPU' : 'CPUs'}</span>
    </>
  )
}

/** The machine types of the server, as its settings name them. */
export function MachineTypePage(): ReactNode {
  const list = useShortList<MachineType>({
    noun: 'machine-type',
    verb: 'list',
    fetch: (_page, options) => client['machine-type'].list({}, options),
  })
  return (
    <>
      <SectionHead>
        What a job can ask for. The owner of the server names them in its settings, <code>machineTypes</code>.
      </SectionHead>
      <DataTable
        id="machine-type"
        label="Machine types"
        list={list}
        columns={columns}
        rowKey={({ name }) => name}
        rowLabel={({ name }) => name}
        empty={<EmptyState title="This server has no machine types." command="doctor" />}
      />
      <CommandLine line="machine-type list" />
    </>
  )
}

function Gpus({ gpus, gpuName }: MachineType): ReactNode {
  if (gpus === 0) return <span className="faint only-wide">–</span>
  return `${gpus}${gpuName === null ? '' : ` × ${gpuName}`}`
}
