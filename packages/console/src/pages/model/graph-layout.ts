import type { ModelGraph } from '@nabla/api/model-format'

export interface PlacedNode {
  id: string
  name: string
  type: string
  details: Record<string, string>
  x: number
  y: number
}

export interface PlacedEdge {
  from: string
  to: string
  path: string
}

export interface GraphLayout {
  nodes: PlacedNode[]
  edges: PlacedEdge[]
  width: number
  height: number
}

export const nodeSize = { width: 168, height: 38 } as const
const gap = { x: 20, y: 34 } as const

/**
 * Places nodes in layers from top to bottom: each below all that lead to it, as Sugiyama's method does, and within a
 * layer by where those above stand. A node that leads back to one before it is placed as if it did not.
 */
export function layOut({ nodes }: ModelGraph): GraphLayout {
  const depths = depthsOf(nodes)
  const layers: ModelGraph['nodes'][number][][] = []
  for (const node of nodes) (layers[depths.get(node.id) ?? 0] ??= []).push(node)
  const widest = Math.max(1, ...layers.map((layer) => layer?.length ?? 0))
  const width = widest * (nodeSize.width + gap.x) - gap.x
  const centres = new Map<string, number>()
  const placed: PlacedNode[] = []
  layers.forEach((layer, depth) => {
    const wanted = layer.map((node) => ({ node, at: meanOf(node.inputs, centres) ?? width / 2 }))
    wanted.sort((a, b) => a.at - b.at)
    const taken = wanted.length * (nodeSize.width + gap.x) - gap.x
    const mean = wanted.reduce((sum, { at }) => sum + at, 0) / Math.max(1, wanted.length)
    const start = Math.min(Math.max(0, mean - taken / 2), Math.max(0, width - taken))
    wanted.forEach(({ node }, index) => {
      const x = start + index * (nodeSize.width + gap.x)
      centres.set(node.id, x + nodeSize.width / 2)
      const { id, name, type, details } = node
      placed.push({ id, name, type, details, x, y: depth * (nodeSize.height + gap.y) })
    })
  })
  const height = Math.max(1, layers.length) * (nodeSize.height + gap.y) - gap.y
  return { nodes: placed, edges: edgesOf(nodes, placed), width, height }
}

/** The longest way from the top, in steps; nodes come in an order in which they can be run. */
function depthsOf(nodes: ModelGraph['nodes']): Map<string, number> {
  const depths = new Map<string, number>()
  for (const { id, inputs } of nodes) {
    const before = inputs.map((input) => depths.get(input) ?? -1)
    depths.set(id, Math.max(-1, ...before) + 1)
  }
  return depths
}

function meanOf(ids: readonly string[], centres: ReadonlyMap<string, number>): number | undefined {
  const found = ids.flatMap((id) => centres.get(id) ?? [])
  return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one, 0) / found.length
}

function edgesOf(nodes: ModelGraph['nodes'], placed: readonly PlacedNode[]): PlacedEdge[] {
  const places = new Map(placed.map((node) => [node.id, node]))
  return nodes.flatMap(({ id, inputs }) =>
    inputs.flatMap((from) => {
      const [start, end] = [places.get(from), places.get(id)]
      if (!start || !end) return []
      const [x1, y1] = [start.x + nodeSize.width / 2, start.y + nodeSize.height]
      const [x2, y2] = [end.x + nodeSize.width / 2, end.y]
      const middle = (y1 + y2) / 2
      return [{ from, to: id, path: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}` }]
    }),
  )
}
