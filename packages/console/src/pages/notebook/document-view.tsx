import type { CellOutput, NotebookDocument } from '@nabla/api/notebook'
import { type ReactNode, useMemo } from 'react'
import { Notebook } from '../../parts/file-notebook.tsx'
import '../../parts/file-browser.css'

/** Cells of a notebook file, as they are to be seen: texts as text, pictures as pictures, and nothing in them runs. */
export function DocumentView({ document }: { document: NotebookDocument }): ReactNode {
  const value = useMemo(() => ({ cells: document.cells.map(cellOf) }), [document])
  return <Notebook value={value} />
}

const cellOf = ({ kind, source, executionCount, outputs }: NotebookDocument['cells'][number]) => ({
  cell_type: kind,
  source,
  execution_count: executionCount,
  outputs: outputs.map(outputOf),
})

function outputOf({ kind, text = '', data = {} }: CellOutput) {
  if (kind === 'text') return { output_type: 'stream', text }
  if (kind === 'error') return { output_type: 'error', traceback: [text] }
  return { output_type: 'display_data', data }
}
