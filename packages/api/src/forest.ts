/**
 * A small random forest for regression (Breiman, Random Forests, Machine Learning 45, 2001): trees grown on samples
 * drawn with replacement, each split chosen among a third of the columns. Splits are `x <= t` for numbers and `x = c` for
 * words. It is only used to tell how much each column says about a value, so it is kept short, not fast.
 */

/** A number, a word, or undefined where a row has none; that goes the way of the rows that are not below or equal. */
export type Cell = number | string | undefined

export interface Table {
  /** One list of cells for each column, all as long as `target`. */
  columns: readonly (readonly Cell[])[]
  /** What is to be explained. Only finite numbers. */
  target: readonly number[]
}

type Tree = { mean: number } | { column: number; at: Exclude<Cell, undefined>; yes: Tree; no: Tree }

/** A tree, and the rows that it has not seen. */
export interface GrownTree {
  tree: Tree
  unseen: readonly number[]
}

const deepest = 10
const fewestInLeaf = 3
/** Places to split a column of numbers that are tried in each node. */
const mostPlaces = 16

/** Grows one tree on a sample of the rows. `random` gives numbers from 0 to 1. */
export function growTree(table: Table, random: () => number): GrownTree {
  const count = table.target.length
  const sample = Array.from({ length: count }, () => Math.floor(random() * count))
  const seen = new Set(sample)
  const unseen = table.target.flatMap((_, row) => (seen.has(row) ? [] : [row]))
  return { tree: grow(table, sample, 0, random), unseen }
}

/** What the tree says of a row; `cell` gives its cells by the number of the column. */
export function predict(tree: Tree, cell: (column: number) => Cell): number {
  let node = tree
  while (!('mean' in node)) node = isYes(cell(node.column), node.at) ? node.yes : node.no
  return node.mean
}

/** Random numbers that are the same each time: mulberry32, of Tommy Ettinger (public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function grow(table: Table, rows: readonly number[], depth: number, random: () => number): Tree {
  const mean = rows.reduce((sum, row) => sum + table.target[row]!, 0) / rows.length
  if (depth >= deepest || rows.length < 2 * fewestInLeaf) return { mean }
  const split = bestSplit(table, rows, random)
  if (!split) return { mean }
  const { column, at } = split
  const cells = table.columns[column]!
  return {
    column,
    at,
    yes: grow(
      table,
      rows.filter((row) => isYes(cells[row], at)),
      depth + 1,
      random,
    ),
    no: grow(
      table,
      rows.filter((row) => !isYes(cells[row], at)),
      depth + 1,
      random,
    ),
  }
}

interface Split {
  column: number
  at: Exclude<Cell, undefined>
}

/** The split after which the squared errors are least, among some columns; undefined when none makes them less. */
function bestSplit(table: Table, rows: readonly number[], random: () => number): Split | undefined {
  let best: Split | undefined
  let most = 1e-12
  for (const column of someColumns(table.columns.length, random)) {
    const cells = table.columns[column]!
    for (const at of placesToSplit(cells, rows, random)) {
      const gain = gainOf(table.target, cells, rows, at)
      if (gain <= most) continue
      most = gain
      best = { column, at }
    }
  }
  return best
}

function someColumns(count: number, random: () => number): number[] {
  const left = Array.from({ length: count }, (_, column) => column)
  return Array.from(
    { length: Math.max(1, Math.ceil(count / 3)) },
    () => left.splice(Math.floor(random() * left.length), 1)[0]!,
  )
}

function placesToSplit(cells: readonly Cell[], rows: readonly number[], random: () => number): Set<number | string> {
  const places = new Set<number | string>()
  const few = rows.length <= mostPlaces
  for (let tries = 0; tries < Math.min(rows.length, mostPlaces * 2) && places.size < mostPlaces; tries++) {
    const cell = cells[rows[few ? tries : Math.floor(random() * rows.length)]!]
    if (cell !== undefined) places.add(cell)
  }
  return places
}

/** By how much the sum of squared errors falls: n₁n₂/(n₁+n₂) · (mean₁ − mean₂)². */
function gainOf(target: readonly number[], cells: readonly Cell[], rows: readonly number[], at: number | string) {
  let [yes, no, sumYes, sumNo] = [0, 0, 0, 0]
  for (const row of rows) {
    if (isYes(cells[row], at)) {
      yes += 1
      sumYes += target[row]!
    } else {
      no += 1
      sumNo += target[row]!
    }
  }
  if (yes < fewestInLeaf || no < fewestInLeaf) return 0
  return ((yes * no) / (yes + no)) * (sumYes / yes - sumNo / no) ** 2
}

function isYes(cell: Cell, at: number | string): boolean {
  if (typeof at === 'string') return cell === at
  return typeof cell === 'number' && cell <= at
}
