import type { ReactNode } from 'react'
import { AnsiText } from './ansi-text.tsx'
import { MarkdownView } from './markdown-view.tsx'
import { EmptyState } from './states.tsx'

/** More cells than this are not drawn, and of one text no more characters. */
const mostCells = 500
const longestText = 100_000
const longestPicture = 20_000_000

interface Cell {
  cell_type?: unknown
  source?: unknown
  execution_count?: unknown
  outputs?: unknown
}

/**
 * A Jupyter notebook (https://nbformat.readthedocs.io, version 4): its texts as text, its pictures as pictures. HTML and
 * scripts that it holds are not shown; nothing in it runs.
 */
export function Notebook({ value }: { value: unknown }): ReactNode {
  const cells = listOf((value as { cells?: unknown } | null)?.cells) as Cell[]
  if (cells.length === 0) return <EmptyState title="There are no cells in it that could be shown." />
  return (
    <div className="file-box notebook" tabIndex={0} role="region" aria-label="Notebook">
      {cells.slice(0, mostCells).map((cell, place) => (
        <CellView key={place} cell={cell} />
      ))}
      {cells.length > mostCells && <p className="muted">And {cells.length - mostCells} more cells.</p>}
    </div>
  )
}

function CellView({ cell }: { cell: Cell }): ReactNode {
  const source = textOf(cell?.source)
  if (cell?.cell_type !== 'code') {
    return (
      <div className="notebook-words" dir="auto">
        {cell?.cell_type === 'markdown' ? <MarkdownView text={source} /> : source}
      </div>
    )
  }
  const count = typeof cell.execution_count === 'number' ? cell.execution_count : ' '
  return (
    <div className="notebook-cell">
      <div className="notebook-count faint mono">[{count}]</div>
      <div className="notebook-main">
        <pre className="notebook-code">{source}</pre>
        {listOf(cell.outputs).map((output, place) => (
          <Output key={place} output={output} />
        ))}
      </div>
    </div>
  )
}

const pictures = ['image/png', 'image/jpeg', 'image/gif', 'image/webp']

function Output({ output }: { output: unknown }): ReactNode {
  const { output_type: type, text, traceback, data } = (output ?? {}) as Record<string, unknown>
  if (type === 'stream') return <Printed text={textOf(text)} />
  if (type === 'error')
    return (
      <Printed
        text={listOf(traceback)
          .map((line) => textOf(line))
          .join('\n')}
      />
    )
  const bundle = (data ?? {}) as Record<string, unknown>
  const kind = pictures.find((one) => typeof bundle[one] === 'string' || Array.isArray(bundle[one]))
  const picture = kind && textOf(bundle[kind], longestPicture).replaceAll(/\s/g, '')
  if (picture && /^[A-Za-z0-9+/]+={0,2}$/.test(picture)) {
    return (
      <img className="notebook-picture" src={`data:${kind};base64,${picture}`} alt={textOf(bundle['text/plain'])} />
    )
  }
  // In an image no script runs, and nothing is loaded from elsewhere.
  const svg = textOf(bundle['image/svg+xml'], longestPicture)
  if (svg !== '') {
    return <img className="notebook-picture" src={`data:image/svg+xml,${encodeURIComponent(svg)}`} alt="" />
  }
  const plain = textOf(bundle['text/plain'])
  if (plain !== '') return <Printed text={plain} />
  return Object.keys(bundle).length === 0 ? null : (
    <p className="faint notebook-hidden">{Object.keys(bundle).join(', ')}: not shown.</p>
  )
}

function Printed({ text }: { text: string }): ReactNode {
  return (
    <div className="notebook-output">
      <AnsiText text={text} />
    </div>
  )
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

/** Texts of a notebook are one, or a list of lines. */
function textOf(value: unknown, most = longestText): string {
  const text = Array.isArray(value) ? value.filter((one) => typeof one === 'string').join('') : value
  return typeof text === 'string' ? text.slice(0, most) : ''
}
