import {
  type Dispatch,
  type ReactNode,
  type RefObject,
  type SetStateAction,
  type UIEventHandler,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { LiveList } from '../api/list.ts'
import type { Action } from './action.ts'
import { BulkBar, TableFoot } from './data-table-edges.tsx'
import { TableRow } from './data-table-row.tsx'
import { narrowColumns, pinColumns, type PinnedColumn, useSideways, useTooNarrow } from './data-table-wide.ts'
import { ColumnChooser, useColumns } from './columns.tsx'
import { usePreferences } from './preferences.ts'
import { ErrorState, Lines } from './states.tsx'
import { useRowEvents } from './use-row-events.ts'
import { useRows } from './use-rows.ts'
import { useTableKeys } from './use-table-keys.ts'
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
  /** In a wide table: it stays in sight at the left. Such columns come first. */
  pinned?: boolean
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
  sort?: { by: string; descending?: boolean; onChange: (by: string) => void }
  /** Columns have widths in px, and are scrolled sideways where they do not fit. */
  wide?: boolean
  /** Rows of 28 px instead of 36; else as the reader chose. */
  dense?: boolean
  /** Beside the choice of columns, above the table. */
  toolbar?: (chooser: ReactNode) => ReactNode
}

/**
 * A list of any length: only the rows in sight are drawn, pages are read as one scrolls. `j` and `k` move, `enter`
 * opens, `x` selects, `.` shows what can be done. On a phone each row is a card.
 */
export function DataTable<Row>(props: DataTableProps<Row>): ReactNode {
  const { list, rowKey } = props
  const { rows } = list
  const columns = useColumns(props.id, props.columns)
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const chosen = rows.filter((row) => selected.has(rowKey(row)))
  if (list.error && rows.length === 0) return <ErrorState error={list.error} onRetry={list.retry} />
  return (
    <>
      {props.toolbar?.(<ColumnChooser columns={props.columns} {...columns} />)}
      <NewRows list={list} />
      {list.isLoading ? (
        <div className="panel table-wait">
          <Lines count={8} />
        </div>
      ) : rows.length === 0 ? (
        props.empty
      ) : (
        <Grid table={props} columns={columns.shown} selected={selected} setSelected={setSelected} />
      )}
      <BulkBar
        actions={chosen.length > 0 ? props.bulkActions?.(chosen) : undefined}
        count={chosen.length}
        clear={() => setSelected(new Set())}
      />
      <TableFoot list={list} />
    </>
  )
}

interface GridProps<Row> {
  table: DataTableProps<Row>
  columns: readonly Column<Row>[]
  selected: ReadonlySet<string>
  setSelected: Dispatch<SetStateAction<ReadonlySet<string>>>
}

function Grid<Row>({ table, columns: shown, selected, setSelected }: GridProps<Row>): ReactNode {
  const { list, rowKey, href } = table
  const { rows } = list
  const { grid, body, height, virtual, keys, events, menuOf, actionsOf, setMenu } = useGrid(table, setSelected)
  const { columns, wide } = useFittingColumns(table, shown, grid)
  const sideways = useSideways(wide)
  return (
    <div
      ref={grid}
      className={`panel table ${list.isStale ? 'table-stale' : ''} ${wide ? 'table-wide' : ''}`}
      role="grid"
      aria-label={table.label}
      aria-rowcount={list.hasMore ? -1 : rows.length + 1}
      aria-multiselectable={table.bulkActions ? true : undefined}
      aria-activedescendant={rows[keys.current] ? `${table.id}-${keys.current}` : undefined}
      tabIndex={0}
      onKeyDown={keys.onKeyDown}
      style={{ '--columns': gridColumns(table, columns, wide), '--height': `${height}px` } as React.CSSProperties}
    >
      <Head
        table={table}
        shown={columns}
        wide={wide}
        all={rows.length > 0 && rows.every((row) => selected.has(rowKey(row)))}
        setAll={(on) => setSelected(new Set(on ? rows.map(rowKey) : []))}
        onScroll={sideways}
      />
      <div
        ref={body}
        role="rowgroup"
        className="table-body"
        style={{ height: virtual.totalHeight }}
        onScroll={sideways}
        {...events}
      >
        {virtual.items.map(({ index, top }) => {
          const row = rows[index]!
          const key = rowKey(row)
          return (
            <TableRow
              key={index % virtual.slots}
              rowKey={key}
              table={table.id}
              label={table.rowLabel(row)}
              href={href?.(row)}
              {...{ columns, row, index, top, actionsOf, setMenu }}
              isCurrent={index === keys.current}
              isSelected={table.bulkActions && selected.has(key)}
              isMenuOpen={table.actions && menuOf === key}
            />
          )
        })}
      </div>
    </div>
  )
}

/** The columns as they are drawn: those that do not fit beside each other are scrolled sideways, all but the first. */
function useFittingColumns<Row>(
  table: DataTableProps<Row>,
  shown: readonly Column<Row>[],
  grid: RefObject<HTMLDivElement | null>,
): { columns: readonly PinnedColumn<Row>[]; wide: boolean } {
  const hasChecks = table.bulkActions !== undefined
  const isNarrow = useTooNarrow(grid, shown, { hasChecks, hasMenu: table.actions !== undefined })
  const isMadeWide = isNarrow && table.wide !== true
  const wide = table.wide === true || isMadeWide
  const columns = useMemo(
    () => pinColumns(isMadeWide ? narrowColumns(shown) : shown, { wide, hasChecks }),
    [shown, wide, isMadeWide, hasChecks],
  )
  return { columns, wide }
}

/** What the rows of a table need: which of them are drawn, keys, clicks, and the menu that is open. */
function useGrid<Row>(table: DataTableProps<Row>, setSelected: GridProps<Row>['setSelected']) {
  const { list, rowKey, href } = table
  const { rows } = list
  const [menuOf, setMenuOf] = useState<string>()
  const grid = useRef<HTMLDivElement>(null)
  const body = useRef<HTMLDivElement>(null)
  const { density } = usePreferences()
  const height = (table.dense ?? density === 'dense') ? 28 : 36
  const virtual = useRows({ body, count: rows.length, height })
  useLoadMore(list, virtual.last)
  const keyOf = (place: number) => rowKey(rows[place]!)
  const toggle = (place: number) =>
    setSelected((now) => {
      const key = keyOf(place)
      return new Set([...now].filter((one) => one !== key).concat(now.has(key) ? [] : key))
    })
  const hrefOf = href && ((place: number) => href(rows[place]!))
  const keys = useTableKeys({
    count: rows.length,
    href: hrefOf,
    show: virtual.show,
    select: table.bulkActions && toggle,
    openMenu: table.actions && ((place) => setMenuOf(keyOf(place))),
    clear: () => setSelected(new Set()),
  })
  const events = useRowEvents({ keyOf, href: hrefOf, select: toggle, openMenu: (place) => setMenuOf(keyOf(place)) })
  const latest = useRef({ table, keyOf })
  latest.current = { table, keyOf }
  const actionsOf = useCallback((place: number) => {
    const { actions, list } = latest.current.table
    return actions?.(list.rows[place]!) ?? []
  }, [])
  const setMenu = useCallback((place: number, opened: boolean) => {
    setMenuOf(opened ? latest.current.keyOf(place) : undefined)
    if (!opened) grid.current?.focus({ preventScroll: true })
  }, [])
  return { grid, body, height, virtual, keys, events, menuOf, actionsOf, setMenu }
}

const orderOf = ({ descending }: { descending?: boolean }) => (descending ? 'descending' : 'ascending')

function gridColumns<Row>(props: DataTableProps<Row>, shown: readonly Column<Row>[], wide: boolean): string {
  const widths = shown.map(({ width }) => width ?? 'minmax(80px, 1fr)')
  return [
    ...(props.bulkActions ? ['32px'] : []),
    ...widths,
    ...(props.actions ? [wide ? 'minmax(36px, 1fr)' : '36px'] : []),
  ].join(' ')
}

/** So many rows before the end the next page is read: who scrolls on finds it there. */
const readAhead = 60

/** The next page is read when the last rows come near. */
function useLoadMore<Row>(list: LiveList<Row>, last: number): void {
  const count = list.rows.length
  const near = list.hasMore && !list.isLoadingMore && !list.error && last >= count - Math.min(readAhead, count / 5)
  useEffect(() => {
    if (near) list.loadMore()
  }, [near, count])
}

/** New rows are shown at once while nobody reads: at the top of the page, with neither pointer nor focus on the rows. */
function NewRows<Row>({ list }: { list: LiveList<Row> }): ReactNode {
  const { newRows } = list
  useEffect(() => {
    if (newRows > 0 && window.scrollY === 0 && !document.querySelector('.table:is(:hover, :focus-within)'))
      list.showNew()
  }, [newRows])
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
  shown: readonly PinnedColumn<Row>[]
  wide: boolean
  all: boolean
  setAll: (on: boolean) => void
  onScroll: UIEventHandler | undefined
}): ReactNode {
  const { table, shown, wide } = props
  return (
    <div role="rowgroup" className="table-head" onScroll={props.onScroll}>
      <div role="row" className="table-row">
        {table.bulkActions && (
          <span role="columnheader" className={wide ? 'table-pinned table-pinned-check' : undefined}>
            <input
              type="checkbox"
              className="check"
              aria-label="Select all that are loaded"
              checked={props.all}
              onChange={(event) => props.setAll(event.currentTarget.checked)}
            />
          </span>
        )}
        {shown.map(({ id, title, align, sort, left }) => (
          <span
            key={id}
            role="columnheader"
            title={wide ? title : undefined}
            aria-sort={sort !== undefined && table.sort?.by === sort ? orderOf(table.sort) : undefined}
            className={`ellipsis ${align === 'right' ? 'table-right' : ''} ${left === undefined ? '' : 'table-pinned'}`}
            style={left === undefined ? undefined : { left }}
          >
            {sort !== undefined && table.sort ? (
              <button type="button" onClick={() => table.sort?.onChange(sort)} aria-pressed={table.sort.by === sort}>
                {table.sort.by === sort && table.sort.descending !== undefined && (
                  <span aria-hidden="true">{table.sort.descending ? '↓ ' : '↑ '}</span>
                )}
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
