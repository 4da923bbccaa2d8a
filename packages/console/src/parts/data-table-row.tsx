import { memo, type ReactNode, useLayoutEffect, useRef } from 'react'
import type { Action } from './action.ts'
import { ActionsMenu } from './actions-menu.tsx'
import type { PinnedColumn } from './data-table-wide.ts'
import { Icon } from './icon.tsx'

export interface TableRowProps<Row> {
  table: string
  columns: readonly PinnedColumn<Row>[]
  row: Row
  /** What tells the row apart: the next one may be drawn with the same elements. */
  rowKey: string
  label: string
  href: string | undefined
  index: number
  /** Where it stands, in px from the top of the body. */
  top: number
  isCurrent: boolean
  /** Undefined: nothing can be selected here. */
  isSelected: boolean | undefined
  /** Undefined: nothing can be done with a row. */
  isMenuOpen: boolean | undefined
  actionsOf: (index: number) => readonly Action[]
  setMenu: (index: number, opened: boolean) => void
}

/**
 * One row of a `DataTable`; its first cell is the link, so it can be opened in a tab of its own. There are many and they
 * come quickly, so it is made of plain elements: what is pressed in it is heard by the table (`use-row-events.ts`).
 */
export const TableRow = memo(Line) as <Row>(props: TableRowProps<Row>) => ReactNode

function Line<Row>(props: TableRowProps<Row>): ReactNode {
  const { row, columns, label, href, index, isSelected, isMenuOpen } = props
  const line = useFocusLeaves(props.rowKey)
  return (
    <div
      ref={line}
      role="row"
      id={`${props.table}-${index}`}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-index={index}
      className={`table-row table-line ${props.isCurrent ? 'table-current' : ''} ${href === undefined ? '' : 'table-opens'}`}
      style={{ transform: `translateY(${props.top}px)` }}
    >
      {isSelected !== undefined && (
        <span role="gridcell" className="table-check">
          <input type="checkbox" aria-label={`Select ${label}`} checked={isSelected} readOnly className="check" />
        </span>
      )}
      {columns.map((column, place) => (
        <span
          key={column.id}
          role="gridcell"
          data-card={column.card ?? (place === 0 ? 'title' : 'none')}
          className={`ellipsis ${column.align === 'right' ? 'table-right number' : ''} ${column.left === undefined ? '' : 'table-pinned'}`}
          style={column.left === undefined ? undefined : { left: column.left }}
        >
          {place === 0 && href !== undefined ? (
            <a href={href} className="table-link ellipsis" dir="auto" tabIndex={-1} title={label}>
              {column.cell(row)}
            </a>
          ) : (
            column.cell(row)
          )}
        </span>
      ))}
      {isMenuOpen !== undefined && (
        <span role="gridcell" className="table-menu">
          {props.isCurrent || isMenuOpen ? (
            <ActionsMenu
              key={props.rowKey}
              actions={props.actionsOf(index)}
              label={`Actions for ${label}`}
              opened={isMenuOpen}
              onChange={(opened) => props.setMenu(index, opened)}
            />
          ) : (
            // A menu costs more to draw than the rest of the row: it is there for the row that one is at.
            <button
              type="button"
              aria-label={`Actions for ${label}`}
              aria-haspopup="menu"
              aria-expanded={false}
              className="icon-button actions-button"
            >
              <Icon name="more" />
            </button>
          )}
        </span>
      )}
    </div>
  )
}

/** What had the focus in a row that was scrolled away loses it to the table: keys must not act on the row that came. */
function useFocusLeaves(rowKey: string) {
  const line = useRef<HTMLDivElement>(null)
  const before = useRef(rowKey)
  useLayoutEffect(() => {
    const { current } = line
    if (before.current === rowKey) return
    before.current = rowKey
    if (current?.contains(document.activeElement))
      current.closest<HTMLElement>('.table')?.focus({ preventScroll: true })
  }, [rowKey])
  return line
}
