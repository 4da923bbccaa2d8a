import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useMemo, useRef } from 'react'
import { formatCount } from './format.ts'

/** More characters of one line, or of one cell, are not drawn. */
const longestLine = 4000
const longestCell = 500

/** A text of any length with the numbers of its lines; only those in sight are drawn. */
export function TextLines({ text, label }: { text: string; label: string }): ReactNode {
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text])
  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => 20,
    overscan: 20,
  })
  return (
    <div ref={box} className="file-box file-lines" tabIndex={0} role="region" aria-label={label}>
      <div style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div key={index} className="file-line" style={{ top: start }}>
            <span className="file-number number">{formatCount(index + 1)}</span>
            <span className="file-text" dir="auto">
              {cut(lines[index]!.replace(/\r$/, ''), longestLine)}
            </span>
          </div>
        ))}
      </div>
    </div>
  )
}

/** Rows of values, the first of which names the columns; only those in sight are drawn. */
export function TableRows({ rows, label }: { rows: readonly string[][]; label: string }): ReactNode {
  const [head = [], ...body] = rows
  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: body.length,
    getScrollElement: () => box.current,
    estimateSize: () => 28,
    overscan: 10,
  })
  const items = virtual.getVirtualItems()
  const width = Math.max(head.length, body[0]?.length ?? 0)
  const places = Array.from({ length: Math.min(width, 200) }, (_, place) => place)
  const before = items[0]?.start ?? 0
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    <div ref={box} className="file-box" tabIndex={0} role="region" aria-label={label}>
      <table className="file-table">
        <thead>
          <tr>
            <th scope="col" className="number">
              #
            </th>
            {places.map((place) => (
              <th key={place} scope="col" dir="auto">
                {cut(head[place] ?? '', longestCell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap height={before} columns={places.length} />
          {items.map(({ index }) => (
            <tr key={index}>
              <td className="faint number">{formatCount(index + 1)}</td>
              {places.map((place) => (
                <td key={place} dir="auto">
                  {cut(body[index]?.[place] ?? '', longestCell)}
                </td>
              ))}
            </tr>
          ))}
          <Gap height={after} columns={places.length} />
        </tbody>
      </table>
    </div>
  )
}

function Gap({ height, columns }: { height: number; columns: number }): ReactNode {
  if (height <= 0) return null
  return (
    <tr aria-hidden="true">
      <td colSpan={columns + 1} style={{ height, padding: 0 }} />
    </tr>
  )
}

const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most)} … ${formatCount(text.length - most)} more characters` : text
