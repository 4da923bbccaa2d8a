import { Checkbox } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { LiveList } from '../api/list.ts'
import type { Action } from './action.ts'
import { BulkBar, TableFoot } from './data-table-edges.tsx'
import { type ShownRow, TableRow } from './data-table-row.tsx'
import { ColumnChooser, useColumns } from './columns.tsx'
import { ErrorState, Lines } from './states.tsx'
import { useRows } from './use-rows.ts'
import './data-table.css'

export interface Column<Row> {
  id: string
  title: string
  cell: (row: Row) => ReactNode
  /** A width of CSS grid: `minmax(120px, 2fr)`, `96px`. */
  width?: string
  align?: 'right'
  /** Not shown until somebody chooses it. */
  hidden?: boolean
  /** On a phone: its title, one of its (at most three) facts, or not there. The first column is the title. */
  card?: 'title' | 'fact'
  /** What the API orders by, if it can: the title is a button then. */
  sort?: string
}

export interface DataTableProps<Row> {
  /** Names the table where the choice of columns is kept. */
  id: string
  /** What the rows are, for those who hear the page: `Projects`. */
  label: string
  list: LiveList<Row>
  columns: readonly Column<Row>[]
  rowKey: (row: Row) => string
  /** What a row is called: for its check box and its menu. */
  rowLabel: (row: Row) => string
  /** The address that a row opens. */
  href?: (row: Row) => string
  /** What can be done with a row: its menu, and the `.` key. */
  actions?: (row: Row) => readonly Action[]
  /** What can be done with all that are selected; without it nothing can be selected. */
  bulkActions?: (rows: readonly Row[]) => readonly Action[]
  empty: ReactNode
  sort?: { by: string; onChange: (by: string) => void }
  /** Rows of 28 px instead of 36. */
  dense?: boolean
  /** Beside the choice of columns, above the table. */
  toolbar?: (columns: ReactNode) => ReactNode
}

/**
 * A list of any length: only the rows in sight are drawn, pages are read as one scrolls. `j` and `k` move, `enter`
 * opens, `x` selects, `.` shows what can be done. On a phone each row is a card.
 */
export function DataTable<Row>(props: DataTableProps<Row>): ReactNode {
  const { list, rowKey } = props
  const columns = useColumns(props.id, props.columns)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [current, setCurrent] = useState(-1)
  const [menuOf, setMenuOf] = useState<string>()
  const body = useRef<HTMLDivElement>(null)
  const { rows } = list
  const height = props.dense ? 28 : 36
  const virtual = useRows({ body, count: rows.length, height })
  useLoadMore(list, virtual.last)
  const navigate = useNavigate()
  const toggle = (key: string) =>
    setSelected((now) => (now.has(key) ? new Set([...now].filter((one) => one !== key)) : new Set([...now, key])))
  const chosen = rows.filter((row) => selected.has(rowKey(row)))

  const onKeyDown = (event: React.KeyboardEvent) => {
    const target = event.target as HTMLElement
    if (event.metaKey || event.ctrlKey || event.altKey || target.closest('input:not([type=checkbox]),[role=menu]'))
      return
    const row = rows[current]
    const moves: Record<string, number> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }
    const step = moves[event.key]
    if (step !== undefined) {
      const next = Math.min(rows.length - 1, Math.max(0, current + step))
      setCurrent(next)
      virtual.show(next)
    } else if (event.key === 'x' && row && props.bulkActions) toggle(rowKey(row))
    else if (event.key === '.' && row && props.actions) setMenuOf(rowKey(row))
    else if (event.key === 'Enter' && row && props.href && target.getAttribute('role') === 'grid') {
      void navigate({ to: props.href(row) as never })
    } else if (event.key === 'Escape') setSelected(new Set())
    else return
    event.preventDefault()
  }

  if (list.error && rows.length === 0) return <ErrorState error={list.error} onRetry={list.retry} />
  const shared: Omit<ShownRow<Row>, 'row' | 'index' | 'top'> = {
    columns: columns.shown,
    href: props.href,
    rowKey,
    rowLabel: props.rowLabel,
    actions: props.actions,
    selectable: props.bulkActions !== undefined,
    toggle,
    menuOf,
    setMenuOf: (key) => {
      setMenuOf(key)
      if (key === undefined) body.current?.closest<HTMLElement>('[role=grid]')?.focus({ preventScroll: true })
    },
  }
  const chooser = <ColumnChooser columns={props.columns} {...columns} />
  return (
    <>
      {props.toolbar ? props.toolbar(chooser) : null}
      <NewRows list={list} />
      <BulkBar
        actions={chosen.length > 0 ? props.bulkActions?.(chosen) : undefined}
        count={chosen.length}
        clear={() => setSelected(new Set())}
      />
      {list.isLoading ? (
        <div className="panel table-wait">
          <Lines count={8} />
        </div>
      ) : rows.length === 0 ? (
        props.empty
      ) : (
        <div
          className={`panel table ${list.isStale ? 'table-stale' : ''}`}
          role="grid"
          aria-label={props.label}
          aria-rowcount={list.hasMore ? -1 : rows.length + 1}
          aria-multiselectable={props.bulkActions ? true : undefined}
          aria-activedescendant={rows[current] ? `${props.id}-${current}` : undefined}
          tabIndex={0}
          onKeyDown={onKeyDown}
          style={{ '--columns': gridColumns(props, columns.shown), '--height': `${height}px` } as React.CSSProperties}
        >
          <Head
            table={props}
            shown={columns.shown}
            all={selected.size > 0 && chosen.length === rows.length}
            setAll={(on) => setSelected(new Set(on ? rows.map(rowKey) : []))}
          />
          <div ref={body} role="rowgroup" className="table-body" style={{ height: virtual.totalHeight }}>
            {virtual.items.map(({ index, top }) => {
              const row = rows[index]!
              const key = rowKey(row)
              return (
                <TableRow
                  key={key}
                  {...shared}
                  id={`${props.id}-${index}`}
                  row={row}
                  index={index}
                  top={top}
                  isCurrent={index === current}
                  isSelected={selected.has(key)}
                />
              )
            })}
          </div>
        </div>
      )}
      <TableFoot list={list} />
    </>
  )
}

function gridColumns<Row>(props: DataTableProps<Row>, shown: readonly Column<Row>[]): string {
  const widths = shown.map(({ width }) => width ?? 'minmax(80px, 1fr)')
  return [...(props.bulkActions ? ['32px'] : []), ...widths, ...(props.actions ? ['36px'] : [])].join(' ')
}

/** The next page is read when the last rows come into sight. */
function useLoadMore<Row>(list: LiveList<Row>, last: number): void {
  const near = list.hasMore && !list.isLoadingMore && !list.error && last >= list.rows.length - 15
  useEffect(() => {
    if (near) list.loadMore()
  }, [near, list.rows.length])
}

function NewRows<Row>({ list }: { list: LiveList<Row> }): ReactNode {
  return (
    <div aria-live="polite" className="new-rows">
      {list.newRows > 0 && (
        <button type="button" onClick={list.showNew}>
          {list.newRows} new
        </button>
      )}
    </div>
  )
}

function Head<Row>(props: {
  table: DataTableProps<Row>
  shown: readonly Column<Row>[]
  all: boolean
  setAll: (on: boolean) => void
}): ReactNode {
  const { table, shown } = props
  return (
    <div role="rowgroup" className="table-head">
      <div role="row" className="table-row">
        {table.bulkActions && (
          <span role="columnheader">
            <Checkbox
              aria-label="Select all that are loaded"
              checked={props.all}
              onChange={(event) => props.setAll(event.currentTarget.checked)}
            />
          </span>
        )}
        {shown.map(({ id, title, align, sort }) => (
          <span key={id} role="columnheader" className={`ellipsis ${align === 'right' ? 'table-right' : ''}`}>
            {sort !== undefined && table.sort ? (
              <button type="button" onClick={() => table.sort?.onChange(sort)} aria-pressed={table.sort.by === sort}>
                {title}
              </button>
            ) : (
              title
            )}
          </span>
        ))}
        {table.actions && (
          <span role="columnheader">
            <span className="only-heard">Actions</span>
          </span>
        )}
      </div>
    </div>
  )
}
