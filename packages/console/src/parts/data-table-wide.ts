import { type UIEvent, type UIEventHandler, useCallback } from 'react'
import type { Column } from './data-table.tsx'

/** A column, and where it stays at the left edge, in px; undefined for one that scrolls with the others. */
export type PinnedColumn<Row> = Column<Row> & { left?: number }

const [paddingPx, gapPx, checkPx] = [12, 16, 32]

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
