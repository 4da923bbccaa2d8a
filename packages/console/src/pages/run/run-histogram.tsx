import type { ApiError } from '@nabla/api/client'
import type { FileEntry } from '@nabla/api/file'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { z } from 'zod'
import { formatNumber } from '../../parts/chart.tsx'
import type { FileSource } from '../../parts/file-browser.tsx'
import { formatCount } from '../../parts/format.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { barsOf, type Histogram } from './histogram-bars.ts'

const histogram = z.object({ least: z.number(), limits: z.array(z.number()), counts: z.array(z.number()) })

const mostBytes = 4 * 2 ** 20
const [width, height, gap] = [600, 160, 1]

export const isHistogram = ({ path }: FileEntry): boolean => path.endsWith('.histogram.json')

/** How values were spread at one step. */
export function RunHistogram({ source, file }: { source: FileSource; file: FileEntry }): ReactNode {
  const query = useQuery<Histogram | null, ApiError>({
    queryKey: [...source.key, 'histogram', file.path, file.modifiedAt],
    queryFn: async ({ signal }) => {
      const answer = await source.read(file.path, mostBytes, signal)
      return histogram.safeParse(await answer.json().catch(() => null)).data ?? null
    },
  })
  return (
    <Loaded query={query} lines={3}>
      {(found) => (found === null ? <EmptyState title="This is no histogram." /> : <Bars histogram={found} />)}
    </Loaded>
  )
}

function Bars({ histogram }: { histogram: Histogram }): ReactNode {
  const bars = barsOf(histogram)
  const first = bars[0]
  const last = bars.at(-1)
  if (!first || !last) return <EmptyState title="It has no values." />
  const highest = Math.max(...bars.map(({ density }) => density))
  const across = (value: number) => ((value - first.from) / (last.to - first.from)) * width
  const total = histogram.counts.reduce((sum, count) => sum + count, 0)
  const about = `${formatCount(Math.round(total))} values from ${formatNumber(first.from)} to ${formatNumber(last.to)}`
  return (
    <figure className="run-histogram">
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={about}>
        {bars.map(({ from, to, count, density }) => {
          const tall = (density / highest) * height
          const wide = Math.max(0.5, across(to) - across(from) - gap)
          return (
            <rect key={from} x={across(from)} y={height - tall} width={wide} height={tall}>
              <title>{`${formatCount(Math.round(count))} from ${formatNumber(from)} to ${formatNumber(to)}`}</title>
            </rect>
          )
        })}
      </svg>
      <figcaption className="row muted number">
        <span>{formatNumber(first.from)}</span>
        <span className="grow">{formatCount(Math.round(total))} values</span>
        <span>{formatNumber(last.to)}</span>
      </figcaption>
    </figure>
  )
}
