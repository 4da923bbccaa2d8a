import type { WorkflowJob } from '@nabla/api/workflow'
import { layersOf } from '@nabla/api/workflow-graph'

export const nodeSize = { width: 184, height: 46 } as const
const gap = { x: 44, y: 14 } as const

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

/** Places jobs from left to right, each to the right of all that it needs; columns stand in the middle of the height. */
export function placeJobs(jobs: readonly WorkflowJob[]): GraphPlaces {
  const byName = new Map(jobs.map((job) => [job.name, job]))
  const layers = layersOf(Object.fromEntries(jobs.map(({ name, needs }) => [name, needs])))
  const highest = Math.max(1, ...layers.map((layer) => layer.length))
  const height = highest * (nodeSize.height + gap.y) - gap.y
  const placed = layers.flatMap((layer, column) => {
    const taken = layer.length * (nodeSize.height + gap.y) - gap.y
    return layer.flatMap((name, row) => {
      const job = byName.get(name)
      if (!job) return []
      const x = column * (nodeSize.width + gap.x)
      return [{ job, x, y: (height - taken) / 2 + row * (nodeSize.height + gap.y) }]
    })
  })
  const places = new Map(placed.map((one) => [one.job.name, one]))
  const lines = placed.flatMap(({ job, x, y }) =>
    job.needs.flatMap((from): PlacedLine[] => {
      const start = places.get(from)
      if (!start) return []
      const [x1, y1] = [start.x + nodeSize.width, start.y + nodeSize.height / 2]
      const [x2, y2] = [x, y + nodeSize.height / 2]
      const bend = Math.min(gap.x, (x2 - x1) / 2)
      const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
      return [{ from, to: job.name, path }]
    }),
  )
  return { jobs: placed, lines, width: layers.length * (nodeSize.width + gap.x) - gap.x, height }
}
