import { isActive, type Parameter, type ParameterValue, type SearchSpace, spaceOrder } from '@nabla/api/search-space'
import { type Dimension, dimensionOf, valueAt } from './dimension.ts'
import type { Values } from './dimension.ts'
import type { Searcher } from './searcher.ts'

/** Most cells of a grid: each is a trial. */
export const mostCells = 1_000_000

/** Values that a range without a step is cut into. */
const cutsOfRange = 5

interface State {
  cells: GridLevel
  size: number
}

/** The values of one parameter, and what follows each: levels of a tree, since what is active depends on choices. */
interface GridLevel {
  options: GridOption[]
}

interface GridOption {
  name: string
  value: ParameterValue
  below: GridLevel | null
  size: number
}

/**
 * Every combination once, in the order of the names, the last one changing fastest. Ranges without steps are cut into
 * five, at the middles of equal parts of their scale. Parameters that a choice leaves out do not multiply.
 */
export const grid: Searcher<State> = {
  begin({ space }) {
    const cells = levelOf(space, spaceOrder(space), {})
    return { cells: cells ?? { options: [] }, size: cells ? sizeOf(cells) : 0 }
  },
  ask({ cells, size }, number) {
    return number < size ? { values: cellAt(cells, number) } : 'done'
  },
  asked: (state) => state,
  told: (state) => state,
}

/** How many cells the grid of a space has; `mostCells + 1` when there are more than `mostCells`. */
export function gridSize(space: SearchSpace): number {
  const order = spaceOrder(space)
  const conditional = order.some((name) => space[name]?.when)
  if (conditional) return Math.min(mostCells + 1, bounded(space))
  return order.reduce((size, name) => Math.min(mostCells + 1, size * optionsOf(space[name] as Parameter).length), 1)
}

/** As if no parameter were ever left out: an upper bound that is told before the tree is built. */
function bounded(space: SearchSpace): number {
  const all = Object.values(space).reduce((size, one) => Math.min(mostCells + 1, size * optionsOf(one).length), 1)
  if (all > mostCells) return all
  const level = levelOf(space, spaceOrder(space), {})
  return level ? sizeOf(level) : 0
}

function levelOf(space: SearchSpace, names: readonly string[], chosen: Values): GridLevel | null {
  const [name, ...rest] = names
  if (name === undefined) return null
  const parameter = space[name] as Parameter
  if (!isActive(parameter, chosen)) return levelOf(space, rest, chosen)
  const shared = dependedOn(space, rest) ? undefined : levelOf(space, rest, chosen)
  return {
    options: optionsOf(parameter).map((value) => {
      const below = shared === undefined ? levelOf(space, rest, { ...chosen, [name]: value }) : shared
      return { name, value, below, size: below ? sizeOf(below) : 1 }
    }),
  }
}

/** Whether one of these is conditional: then what is below a value differs from what is below another. */
function dependedOn(space: SearchSpace, names: readonly string[]): boolean {
  return names.some((name) => space[name]?.when)
}

function sizeOf({ options }: GridLevel): number {
  return options.reduce((size, option) => size + option.size, 0)
}

function cellAt(cells: GridLevel, number: number): Values {
  const values: Record<string, ParameterValue> = {}
  let left = number
  for (let level: GridLevel | null = cells; level;) {
    const option: GridOption | undefined = level.options.find(({ size }) => {
      if (left < size) return true
      left -= size
      return false
    })
    if (!option) break
    values[option.name] = option.value
    level = option.below
  }
  return values
}

function optionsOf(parameter: Parameter): ParameterValue[] {
  const dimension: Dimension = dimensionOf(parameter)
  if (dimension.kind === 'choice') return [...dimension.values]
  if (dimension.step === null || parameter.type === 'normal')
    return Array.from({ length: cutsOfRange }, (_, cut) => valueAt(dimension, (cut + 0.5) / cutsOfRange))
  const { low, high } = parameter as Parameter & { type: 'uniform' | 'int' }
  const count = Math.min(mostCells + 1, Math.floor((high - low) / dimension.step + 1e-9) + 1)
  return Array.from({ length: count }, (_, index) => Number((low + index * (dimension.step ?? 1)).toPrecision(12)))
}
