import { type RefObject, type UIEvent, type UIEventHandler, useCallback, useEffect, useState } from 'react'
import type { Column } from './data-table.tsx'
import { isPhone } from './phone.ts'

/** A column, and where it stays at the left edge, in px; undefined for one that scrolls with the others. */
export type PinnedColumn<Row> = Column<Row> & { left?: number }

const [paddingPx, gapPx, checkPx, menuPx] = [12, 16, 32, 36]
/** What a column without a least width takes in a table that is scrolled sideways. */
const usualPx = 80

/** What stands at the sides of the columns. */
interface Sides {
  hasChecks: boolean
  hasMenu: boolean
}

/** The columns at the least width that each may have, in px. */
export function narrowColumns<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  return columns.map((column) => ({ ...column, width: `${leastPx(column) || usualPx}px` }))
}

/** Whether the columns do not fit, so that they have to be scrolled. On a phone rows are cards, which always do. */
export function useTooNarrow<Row>(
  grid: RefObject<HTMLElement | null>,
  columns: readonly Column<Row>[],
  { hasChecks, hasMenu }: Sides,
): boolean {
  const sides = 2 * paddingPx + (hasChecks ? checkPx + gapPx : 0) + (hasMenu ? menuPx + gapPx : 0)
  const least = columns.reduce((sum, column) => sum + leastPx(column) + gapPx, sides - gapPx)
  const [isNarrow, setNarrow] = useState(false)
  useEffect(() => {
    const look = ([entry]: readonly ResizeObserverEntry[]) =>
      setNarrow(entry !== undefined && entry.contentRect.width < least && !isPhone())
    const observer = new ResizeObserver(look)
    if (grid.current) observer.observe(grid.current)
    return () => observer.disconnect()
  }, [grid, least])
  return isNarrow
}

/** Of `minmax(120px, 2fr)` or `120px` the 120. */
const leastPx = ({ width = `${usualPx}px` }: Column<never>): number => Number(/(\d+)px/.exec(width)?.[1] ?? 0)

/** Pinned columns first, with their places. The first column of a wide table is always pinned. */
export function pinColumns<Row>(
  columns: readonly Column<Row>[],
  { wide, hasChecks }: { wide: boolean; hasChecks: boolean },
): readonly PinnedColumn<Row>[] {
  if (!wide) return columns
  const isPinned = ({ pinned }: Column<Row>, place: number) => place === 0 || pinned === true
  const pinned = columns.filter(isPinned)
  let left = paddingPx + (hasChecks ? checkPx + gapPx : 0)
  const placed = pinned.map((column) => {
    const here = left
    left += Number.parseFloat(column.width ?? '0') + gapPx
    // It covers the gap before it, so that nothing shows through.
    return { ...column, left: here - (here === paddingPx ? paddingPx : gapPx) }
  })
  return [...placed, ...columns.filter((column, place) => !isPinned(column, place))]
}

/** Keeps head and body of a wide table at the same place as either is scrolled sideways. */
export function useSideways(wide: boolean): UIEventHandler | undefined {
  const follow = useCallback(({ currentTarget }: UIEvent) => {
    for (const other of currentTarget.parentElement?.querySelectorAll('.table-head, .table-body') ?? []) {
      if (other !== currentTarget && other.scrollLeft !== currentTarget.scrollLeft) {
        other.scrollLeft = currentTarget.scrollLeft
      }
    }
  }, [])
  return wide ? follow : undefined
}
