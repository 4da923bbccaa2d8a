import type { Json, Output } from './outputs.ts'

/** What a run of a cell left, for the file. */
export interface CellRun {
  cellId: string | null
  code: string
  count: number | null
  outputs: readonly Output[]
}

interface Cell {
  id?: string
  cell_type?: string
  source?: string | string[]
  metadata?: Json
  outputs?: unknown
  execution_count?: number | null
}

/**
 * Puts what runs left into the cells of a notebook file (nbformat 4), which is changed. A cell is found by its id, and
 * in files from before cells had ids by its source. One that was never saved is added at the end: its source was sent
 * when it was run. Answers how many cells were changed.
 */
export function putOutputs(document: Json, runs: readonly CellRun[]): number {
  const { cells, nbformat, nbformat_minor: minor } = document
  if (!Array.isArray(cells) || nbformat !== 4) return 0
  const hasIds = typeof minor === 'number' && minor >= 5
  let changed = 0
  for (const run of runs) {
    if (run.cellId === null) continue
    let cell = cellOf(cells as Cell[], run, hasIds)
    if (!cell && hasIds && fitsId.test(run.cellId)) {
      cell = { id: run.cellId, cell_type: 'code', metadata: {}, source: run.code }
      cells.push(cell)
    }
    if (!cell) continue
    cell.outputs = run.outputs
    cell.execution_count = run.count
    // Whoever ran it trusts what came of it: without this mark, JupyterLab shows no HTML of it.
    cell.metadata = { ...cell.metadata, trusted: true }
    changed += 1
  }
  return changed
}

/** What nbformat 4.5 takes for the id of a cell. */
const fitsId = /^[\w-]{1,64}$/

function cellOf(cells: readonly Cell[], { cellId, code }: CellRun, hasIds: boolean): Cell | undefined {
  const found = cells.find(({ id, cell_type: type }) => type === 'code' && id === cellId)
  if (found || hasIds) return found
  return cells.find(({ cell_type: type, source }) => type === 'code' && textOf(source) === code)
}

const textOf = (source: string | string[] | undefined): string =>
  Array.isArray(source) ? source.join('') : (source ?? '')
