import { ActionIcon, Checkbox } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { memo, type ReactNode } from 'react'
import { ActionsMenu } from './actions-menu.tsx'
import type { Column, DataTableProps } from './data-table.tsx'
import { Icon } from './icon.tsx'

export interface TableRowProps<Row> {
  table: Pick<DataTableProps<Row>, 'id' | 'rowKey' | 'rowLabel' | 'href' | 'actions' | 'bulkActions'>
  columns: readonly Column<Row>[]
  row: Row
  index: number
  /** Where it stands, in px from the top of the body. */
  top: number
  isCurrent: boolean
  isSelected: boolean
  toggle: (key: string) => void
  isMenuOpen: boolean
  setMenuOf: (key: string | undefined) => void
}

/**
 * One row of a `DataTable`; its first cell is the link, so it can be opened in a tab of its own. As one scrolls, only
 * rows that come into sight are drawn.
 */
export const TableRow = memo(Line) as <Row>(props: TableRowProps<Row>) => ReactNode

function Line<Row>(props: TableRowProps<Row>): ReactNode {
  const { table, row, columns } = props
  const { href, actions } = table
  const key = table.rowKey(row)
  const label = table.rowLabel(row)
  const selectable = table.bulkActions !== undefined
  return (
    <div
      role="row"
      id={`${table.id}-${props.index}`}
      aria-rowindex={props.index + 2}
      aria-selected={selectable ? props.isSelected : undefined}
      className={`table-row table-line ${props.isCurrent ? 'table-current' : ''} ${href ? 'table-opens' : ''}`}
      style={{ transform: `translateY(${props.top}px)` }}
    >
      {selectable && (
        <span role="gridcell" className="table-check">
          <Checkbox aria-label={`Select ${label}`} checked={props.isSelected} onChange={() => props.toggle(key)} />
        </span>
      )}
      {columns.map((column, place) => (
        <span
          key={column.id}
          role="gridcell"
          data-title={column.title}
          data-card={column.card ?? (place === 0 ? 'title' : 'none')}
          className={`ellipsis ${column.align === 'right' ? 'table-right number' : ''}`}
        >
          {place === 0 && href ? (
            <Link to={href(row) as never} className="table-link ellipsis" dir="auto" tabIndex={-1} title={label}>
              {column.cell(row)}
            </Link>
          ) : (
            column.cell(row)
          )}
        </span>
      ))}
      {actions && (
        <span role="gridcell" className="table-menu">
          {props.isCurrent || props.isMenuOpen ? (
            <ActionsMenu
              actions={actions(row)}
              label={`Actions for ${label}`}
              opened={props.isMenuOpen}
              onChange={(opened) => props.setMenuOf(opened ? key : undefined)}
            />
          ) : (
            // A menu costs more to draw than the rest of the row: it is there for the row that one is at.
            <ActionIcon
              aria-label={`Actions for ${label}`}
              aria-haspopup="menu"
              aria-expanded={false}
              className="actions-button"
              onClick={() => props.setMenuOf(key)}
            >
              <Icon name="more" />
            </ActionIcon>
          )}
        </span>
      )}
    </div>
  )
}
