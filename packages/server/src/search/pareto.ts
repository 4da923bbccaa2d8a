/** Of costs with several objectives: which are better. Less is better in each. */

/** Whether `a` is nowhere worse than `b` and somewhere better. */
export function dominates(a: readonly number[], b: readonly number[]): boolean {
  return a.every((cost, index) => cost <= (b[index] ?? 0)) && a.some((cost, index) => cost < (b[index] ?? 0))
}

/**
 * Places of the costs from best to worst: by fronts of those that no other dominates, the more lonely first in each
 * (Deb et al., A fast and elitist multiobjective genetic algorithm: NSGA-II, 2002). With one objective: by it.
 */
export function ranked(costs: readonly (readonly number[])[]): number[] {
  const indexes = costs.map((_, index) => index)
  if ((costs[0]?.length ?? 1) === 1)
    return indexes.toSorted((a, b) => (costs[a]?.[0] ?? 0) - (costs[b]?.[0] ?? 0) || a - b)
  return fronts(costs).flatMap((front) => byLoneliness(costs, front))
}

/** Indexes of those that no other dominates; then those that only they dominate, and so on. */
export function fronts(costs: readonly (readonly number[])[]): number[][] {
  let left = costs.map((_, index) => index)
  const found: number[][] = []
  while (left.length > 0) {
    const front = left.filter((a) => !left.some((b) => dominates(costs[b] as number[], costs[a] as number[])))
    const inFront = new Set(front)
    found.push(front)
    left = left.filter((index) => !inFront.has(index))
  }
  return found
}

function byLoneliness(costs: readonly (readonly number[])[], front: readonly number[]): number[] {
  const distance = new Map(front.map((index) => [index, 0]))
  const objectives = costs[front[0] ?? 0]?.length ?? 0
  for (let objective = 0; objective < objectives; objective++) {
    const costOf = (index: number) => costs[index]?.[objective] ?? 0
    const sorted = front.toSorted((a, b) => costOf(a) - costOf(b) || a - b)
    const first = sorted[0] as number
    const last = sorted.at(-1) as number
    const range = costOf(last) - costOf(first) || 1
    sorted.forEach((index, at) => {
      const before = sorted[at - 1]
      const after = sorted[at + 1]
      const gap = before === undefined || after === undefined ? Infinity : (costOf(after) - costOf(before)) / range
      distance.set(index, (distance.get(index) ?? 0) + gap)
    })
  }
  return front.toSorted((a, b) => compare(distance.get(b) ?? 0, distance.get(a) ?? 0) || a - b)
}

/** Infinity minus infinity is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
