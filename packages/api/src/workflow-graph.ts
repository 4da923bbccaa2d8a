/** What each job waits for, by its name. */
export type WorkflowEdges = Readonly<Record<string, readonly string[]>>

/** A circle among the jobs, in the order of waiting, without its first name again; empty: there is none. */
export function cycleIn(edges: WorkflowEdges): string[] {
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): string[] => {
    if (done.has(name)) return []
    const at = path.indexOf(name)
    if (at >= 0) return path.slice(at)
    path.push(name)
    for (const needed of edges[name] ?? []) {
      const found = visit(needed)
      if (found.length > 0) return found
    }
    path.pop()
    done.add(name)
    return []
  }
  for (const name of Object.keys(edges)) {
    const found = visit(name)
    if (found.length > 0) return found
  }
  return []
}

/**
 * The jobs in layers: each stands one after the last of those that it waits for. Within a layer jobs stand near the
 * middle of what they wait for, which keeps lines short. `edges` must have no circle.
 */
export function layersOf(edges: WorkflowEdges): string[][] {
  const depths = new Map<string, number>()
  const depthOf = (name: string): number => {
    const known = depths.get(name)
    if (known !== undefined) return known
    const needs = (edges[name] ?? []).filter((needed) => Object.hasOwn(edges, needed))
    const depth = needs.length === 0 ? 0 : Math.max(...needs.map(depthOf)) + 1
    depths.set(name, depth)
    return depth
  }
  const layers: string[][] = []
  for (const name of Object.keys(edges)) (layers[depthOf(name)] ??= []).push(name)
  const place = new Map<string, number>()
  return layers.map((layer, depth) => {
    const middle = (name: string): number => {
      const places = (edges[name] ?? []).flatMap((needed) => place.get(needed) ?? [])
      return places.length === 0 ? 0 : places.reduce((sum, one) => sum + one, 0) / places.length
    }
    const ordered = depth === 0 ? layer : layer.toSorted((one, other) => middle(one) - middle(other))
    ordered.forEach((name, index) => place.set(name, (index + 0.5) / ordered.length))
    return ordered
  })
}
