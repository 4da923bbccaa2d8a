import type { MachineType } from '@nabla/api/machine-type'
import type { MachineUse, MetricRange } from '@nabla/api/metric'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useMachine } from '../../api/machine-use.ts'
import { useApi } from '../../api/query.ts'
import { now } from '../../clock.ts'
import { formatBytes, formatMemory } from '../../parts/format.ts'
import { Panel } from '../../parts/page-header.tsx'
import { Meter, Sparkline } from '../../parts/sparkline.tsx'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { formatCpus, sizeOf } from '../machine-type/words.ts'

const hourMs = 3_600_000

interface Tile {
  title: string
  /** Its series among the figures that are kept. */
  series: string
  of: (use: MachineUse) => number | null
  top: (use: MachineUse) => number
  value: (use: MachineUse) => string
  /** What of it running tasks hold. */
  given?: (use: MachineUse) => { share: number; words: string } | null
}

const tiles: readonly Tile[] = [
  {
    title: 'Processor',
    series: 'cpu',
    of: ({ cpu }) => cpu.usedCores,
    top: ({ cpu }) => cpu.cores,
    value: ({ cpu }) => (cpu.usedCores === null ? '–' : `${cpu.usedCores.toFixed(1)} of ${cpu.cores} cores`),
    given: ({ given: { cpus } }) => givenOut(cpus, formatCpus),
  },
  {
    title: 'Memory',
    series: 'memory',
    of: ({ memory }) => memory.usedBytes,
    top: ({ memory }) => memory.totalBytes,
    value: ({ memory }) => `${formatMemory(memory.usedBytes)} of ${formatMemory(memory.totalBytes)}`,
    given: ({ given: { memoryBytes } }) => givenOut(memoryBytes, formatMemory),
  },
  {
    title: 'GPU',
    series: 'gpuUtilization',
    of: ({ gpus }) => mean(gpus.map(({ utilization }) => utilization)),
    top: () => 100,
    value: ({ gpus }) => {
      const busy = mean(gpus.map(({ utilization }) => utilization))
      return busy === null ? `${gpus.length}, use not known` : `${Math.round(busy)} % busy`
    },
    given: ({ given: { gpus } }) => givenOut(gpus, String),
  },
  {
    title: 'Disk',
    series: 'disk',
    of: ({ disk }) => disk.usedBytes,
    top: ({ disk }) => disk.totalBytes,
    value: ({ disk }) => `${formatBytes(disk.usedBytes)} of ${formatBytes(disk.totalBytes)}`,
    given: ({ disk }) => ({
      share: disk.usedBytes / (disk.totalBytes || 1),
      words: `${formatBytes(disk.totalBytes - disk.usedBytes)} free`,
    }),
  },
]

/** What the machine does now, and how that came about in the last hour. */
export function MachineStrip(): ReactNode {
  const [from] = useState(() => new Date(now() - hourMs).toISOString())
  const past = useApi('server', 'machineMetrics', { from, points: 120, series: tiles.map((one) => one.series).join() })
  const { latest, ticks } = useMachine()
  const first = useApi('server', 'machine', {})
  const use = latest ?? first.data
  if (!use) return <div className="home-tiles" aria-busy={first.error === null} />
  const shown = tiles.filter(({ title }) => title !== 'GPU' || use.gpus.length > 0)
  return (
    <section className="home-tiles" aria-label="Machine">
      {shown.map((tile) => {
        const given = tile.given?.(use)
        return (
          <Link key={tile.title} to="/machines" className="home-tile panel">
            <span className="home-tile-title">{tile.title}</span>
            <span className="home-tile-value number">{tile.value(use)}</span>
            <Line tile={tile} past={past.data} ticks={ticks} use={use} />
            {given && (
              <>
                <Meter share={given.share} label={`${tile.title}: ${given.words}`} />
                <span className="faint number home-tile-given">{given.words}</span>
              </>
            )}
          </Link>
        )
      })}
    </section>
  )
}

/** A server that began to measure lately has less than an hour: a line of so much at least is drawn. */
const leastMs = 60_000

function Line(props: {
  tile: Tile
  past: MetricRange | undefined
  ticks: readonly MachineUse[]
  use: MachineUse
}): ReactNode {
  const { tile, past, ticks, use } = props
  const points = pointsOf(tile, past, ticks)
  const to = Date.parse(use.at)
  const from = Math.max(to - hourMs, Math.min(points[0]?.[0] ?? to, to - leastMs))
  return <Sparkline points={points} from={from} to={to} top={tile.top(use)} />
}

/** What was kept, and what came since. */
function pointsOf(tile: Tile, past: MetricRange | undefined, ticks: readonly MachineUse[]): [number, number | null][] {
  const lines = past?.series.filter(({ name }) => name === tile.series) ?? []
  const longest = lines.toSorted((a, b) => b.points.length - a.points.length)[0]?.points ?? []
  const kept = longest.map(([time], place): [number, number | null] => [
    time,
    mean(lines.map(({ points }) => points[place]?.[2] ?? null)),
  ])
  const last = kept.at(-1)?.[0] ?? 0
  const fresh = ticks.map((use): [number, number | null] => [Date.parse(use.at), tile.of(use)])
  return [...kept, ...fresh.filter(([time]) => time > last)]
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}

function givenOut({ taken, all }: { taken: number; all: number }, words: (value: number) => string) {
  return { share: taken / (all || 1), words: `${words(taken)} of ${words(all)} given out` }
}

/** What a job can ask for, and how many could start now. */
export function MachineTypesPanel(): ReactNode {
  const types = useApi('machine-type', 'list', {})
  return (
    <Panel title="Machine types" actions={<Link to="/machines">All</Link>} flush>
      <Loaded query={types} lines={3}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="This server has no machine types." command="doctor" />
          ) : (
            <ul className="home-rows">
              {items.map((type) => (
                <TypeRow key={`${type.engine} ${type.name}`} type={type} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  )
}

function TypeRow({ type }: { type: MachineType }): ReactNode {
  const { name, available } = type
  return (
    <li className="home-type">
      <span className="ellipsis">{name}</span>
      <span className="faint ellipsis grow">{sizeOf(type)}</span>
      <span className={`number ${available === 0 ? 'muted' : ''}`}>
        {available === 0 ? 'none free' : `${available} free`}
      </span>
    </li>
  )
}
