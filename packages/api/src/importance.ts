import { type Cell, growTree, predict, seededRandom, type Table } from './forest.ts'

export interface Importance {
  /** How much of what the forest knows comes from this column: 0 to 1, all together 1. */
  share: number
  /** Pearson's correlation with the target, -1 to 1, over the rows with a number; null where there are too few. */
  correlation: number | null
}

const trees = 60
const fewestForCorrelation = 3

/**
 * How much each column says about the target: the permutation importance of a random forest (Breiman 2001, section 10).
 * For each tree, the cells of one column are exchanged among the rows that the tree has not seen; the importance is by how
 * much the squared error grows, on average, and at least 0. The answer is the same each time. Yields after each tree how
 * many of all are done, so that whoever calls may stop or let others have a turn.
 */
export function* importances(table: Table): Generator<number, Importance[]> {
  const random = seededRandom(20_010_101)
  const grown = Array.from({ length: table.columns.length }, () => 0)
  for (let done = 0; done < trees; done++) {
    const { tree, unseen } = growTree(table, random)
    const errorOf = (cell: (row: number, column: number) => Cell) =>
      unseen.reduce((sum, row) => sum + (predict(tree, (column) => cell(row, column)) - table.target[row]!) ** 2, 0)
    const before = errorOf((row, column) => table.columns[column]![row])
    for (const own of table.columns.keys()) {
      const exchanged = new Map(shuffled(unseen, random).map((from, place) => [unseen[place]!, from]))
      const after = errorOf((row, column) => table.columns[column]![column === own ? exchanged.get(row)! : row])
      if (unseen.length > 0) grown[own]! += (after - before) / unseen.length
    }
    yield (done + 1) / trees
  }
  const positive = grown.map((growth) => Math.max(0, growth))
  const total = positive.reduce((sum, growth) => sum + growth, 0)
  return positive.map((growth, column) => ({
    share: total > 0 ? growth / total : 0,
    correlation: correlationOf(table.columns[column]!, table.target),
  }))
}

/** Cells as the forest takes them: a column where all but empty ones are numbers is one of numbers, else of words. */
export function toCells(texts: readonly (string | undefined)[]): Cell[] {
  const numbers = texts.map((text) => (text === undefined || text.trim() === '' ? undefined : Number(text)))
  const isNumeric = numbers.every((number, place) => texts[place] === undefined || Number.isFinite(number))
  return isNumeric ? numbers : [...texts]
}

function correlationOf(cells: readonly Cell[], target: readonly number[]): number | null {
  const pairs = cells.flatMap((cell, row) => (typeof cell === 'number' ? [[cell, target[row]!] as const] : []))
  if (pairs.length < fewestForCorrelation) return null
  const meanOf = (place: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[place], 0) / pairs.length
  const [meanX, meanY] = [meanOf(0), meanOf(1)]
  let [xy, xx, yy] = [0, 0, 0]
  for (const [x, y] of pairs) {
    xy += (x - meanX) * (y - meanY)
    xx += (x - meanX) ** 2
    yy += (y - meanY) ** 2
  }
  return xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy)
}

/** In another order, each as likely as the other (Fisher and Yates). */
function shuffled(rows: readonly number[], random: () => number): number[] {
  const mixed = [...rows]
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[mixed[last], mixed[other]] = [mixed[other]!, mixed[last]!]
  }
  return mixed
}
