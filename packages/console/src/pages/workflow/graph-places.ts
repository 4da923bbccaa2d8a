import type { WorkflowJob } from '@nabla/api/workflow'
import { layersOf, type WorkflowEdges } from '@nabla/api/workflow-graph'

export const nodeSize = { width: 184, height: 46 } as const
const gap = { x: 44, y: 14 } as const
/** Where a line passes a column. */
const passHeight = 12

export interface PlacedJob {
  job: WorkflowJob
  x: number
  y: number
}

export interface PlacedLine {
  from: string
  to: string
  path: string
}

export interface GraphPlaces {
  jobs: PlacedJob[]
  lines: PlacedLine[]
  width: number
  height: number
}

/**
 * Places jobs from left to right, each to the right of all that it needs; columns stand in the middle of the height. A
 * line that leads past columns has a place of its own in each, as Sugiyama's method gives it, so that none runs behind
 * a job.
 */
export function placeJobs(jobs: readonly WorkflowJob[]): GraphPlaces {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  const { edges, passes } = withPasses(Object.fromEntries(jobs.map(({ name, needs }) => [name, needs])))
  const layers = layersOf(edges)
  const heightOf = (name: string) => (byName.has(name) ? nodeSize.height : passHeight)
  const takenBy = (layer: readonly string[]) => layer.reduce((sum, name) => sum + heightOf(name) + gap.y, -gap.y)
  const height = Math.max(...layers.map(takenBy))
  const middles = new Map<string, { x: number; y: number }>()
  const placed: PlacedJob[] = []
  layers.forEach((layer, column) => {
    const x = column * (nodeSize.width + gap.x)
    let y = (height - takenBy(layer)) / 2
    for (const name of layer) {
      const job = byName.get(name)
      if (job) placed.push({ job, x, y })
      middles.set(name, { x, y: y + heightOf(name) / 2 })
      y += heightOf(name) + gap.y
    }
  })
  const lines = placed.flatMap(({ job }) =>
    job.needs.flatMap((from): PlacedLine[] => {
      const stops = [from, ...(passes.get(lineName(from, job.name)) ?? []), job.name].flatMap(
        (n) => middles.get(n) ?? [],
      )
      return byName.has(from) ? [{ from, to: job.name, path: pathThrough(stops) }] : []
    }),
  )
  return { jobs: placed, lines, width: layers.length * (nodeSize.width + gap.x) - gap.x, height }
}

/** Names of jobs have no blanks. */
const lineName = (from: string, to: string): string => `${from} ${to}`

/** Puts a stop into each column that a line leads past, and says which stops each line has. */
function withPasses(edges: WorkflowEdges): { edges: WorkflowEdges; passes: ReadonlyMap<string, readonly string[]> } {
  const depths = new Map(layersOf(edges).flatMap((layer, depth) => layer.map((name) => [name, depth] as const)))
  const passes = new Map<string, string[]>()
  const extended: Record<string, readonly string[]> = {}
  for (const [name, needs] of Object.entries(edges)) {
    extended[name] = needs.map((from) => {
      const columns = (depths.get(name) ?? 0) - (depths.get(from) ?? 0) - 1
      const stops = Array.from({ length: Math.max(0, columns) }, (_, index) => `${lineName(from, name)} ${index}`)
      stops.forEach((stop, index) => (extended[stop] = [stops[index - 1] ?? from]))
      passes.set(lineName(from, name), stops)
      return stops.at(-1) ?? from
    })
  }
  return { edges: extended, passes }
}

/** Level through each column, with a bend between two. */
function pathThrough(stops: readonly { x: number; y: number }[]): string {
  const bend = gap.x * 0.6
  return stops
    .slice(1)
    .map(({ x, y }, index) => {
      const before = stops[index]!
      const start = before.x + nodeSize.width
      const begin = index === 0 ? `M${start} ${before.y}` : `H${start}`
      return `${begin}C${start + bend} ${before.y} ${x - bend} ${y} ${x} ${y}`
    })
    .join('')
}
