import type { MachineUse } from '@nabla/api/metric'
import type { ReactNode } from 'react'
import { formatBytes, formatMemory } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { Meter } from '../../parts/sparkline.tsx'
import { formatCpus } from '../machine-type/words.ts'

/** What the machine does at this moment. */
export function MachineNow({ use }: { use: MachineUse }): ReactNode {
  const { cpu, memory, load, disk, gpus, given } = use
  return (
    <Panel title="Now">
      <div className="machine-now">
        <Amount
          name="Processor"
          taken={cpu.usedCores ?? 0}
          all={cpu.cores}
          words={cpu.usedCores === null ? 'not known yet' : `${cpu.usedCores.toFixed(1)} of ${cpu.cores} cores`}
        />
        <Amount
          name="Memory"
          taken={memory.usedBytes}
          all={memory.totalBytes}
          words={`${formatMemory(memory.usedBytes)} of ${formatMemory(memory.totalBytes)}`}
        />
        <Amount
          name="Disk"
          taken={disk.usedBytes}
          all={disk.totalBytes}
          words={`${formatBytes(disk.usedBytes)} of ${formatBytes(disk.totalBytes)}`}
        />
        <div className="machine-amount">
          <span className="muted">Load, of 1, 5 and 15 minutes</span>
          <strong className="number">{load.map((value) => value.toFixed(2)).join('   ')}</strong>
        </div>
        <Given name="Processors given out" {...given.cpus} words={formatCpus} />
        <Given name="Memory given out" {...given.memoryBytes} words={formatMemory} />
        {given.gpus.all > 0 && <Given name="GPUs given out" {...given.gpus} words={String} />}
        <Cores perCore={cpu.perCore} />
        {gpus.map((gpu) => (
          <Gpu key={gpu.index} gpu={gpu} />
        ))}
      </div>
    </Panel>
  )
}

function Amount(props: { name: string; taken: number; all: number; words: string }): ReactNode {
  const { name, taken, all, words } = props
  return (
    <div className="machine-amount">
      <span className="muted">{name}</span>
      <strong className="number">{words}</strong>
      <Meter share={taken / (all || 1)} label={`${name}: ${words}`} />
    </div>
  )
}

function Given(props: { name: string; taken: number; all: number; words: (value: number) => string }): ReactNode {
  const { name, taken, all, words } = props
  return <Amount name={name} taken={taken} all={all} words={`${words(taken)} of ${words(all)}`} />
}

/** A bar for each core, as high as it is busy. */
function Cores({ perCore }: { perCore: readonly number[] }): ReactNode {
  if (perCore.length === 0) return null
  const busiest = Math.round(Math.max(...perCore))
  return (
    <div className="machine-amount machine-wide">
      <span className="muted">Each core, the busiest at {busiest} %</span>
      <div
        className="machine-cores"
        role="img"
        aria-label={perCore.map((percent, core) => `core ${core}: ${Math.round(percent)} %`).join(', ')}
      >
        {perCore.map((percent, core) => (
          <span key={core} title={`Core ${core}: ${Math.round(percent)} %`}>
            <span style={{ height: `${Math.min(100, Math.max(2, percent))}%` }} />
          </span>
        ))}
      </div>
    </div>
  )
}

function Gpu({ gpu }: { gpu: MachineUse['gpus'][number] }): ReactNode {
  const { index, name, taken, utilization, memoryUsedBytes, memoryTotalBytes, powerWatts, temperatureCelsius } = gpu
  const facts = [
    utilization === null ? [] : [`${Math.round(utilization)} % busy`],
    memoryUsedBytes === null ? [] : [`${formatMemory(memoryUsedBytes)} of ${formatMemory(memoryTotalBytes ?? 0)}`],
    powerWatts === null ? [] : [`${Math.round(powerWatts)} W`],
    temperatureCelsius === null ? [] : [`${Math.round(temperatureCelsius)} °C`],
  ].flat()
  return (
    <div className="machine-amount machine-wide">
      <span className="muted">
        GPU {index}: {name}, {taken ? 'given out' : 'free'}
      </span>
      <strong className="number">{facts.join(' · ') || 'its use is not known'}</strong>
      {utilization !== null && (
        <Meter share={utilization / 100} label={`GPU ${index}: ${Math.round(utilization)} % busy`} />
      )}
    </div>
  )
}
