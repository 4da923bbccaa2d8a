import type { DragEvent } from 'react'

const kind = 'application/x-nabla-path'
/** What is dragged now: while it is over something, browsers tell only of what kind it is. */
let dragged: string | undefined

/** Begins to drag a row, by its link. */
export function beginDrag(event: DragEvent, path: string): void {
  dragged = path
  event.dataTransfer.setData(kind, path)
  event.dataTransfer.effectAllowed = 'copyMove'
}

/** The path of the row that is dragged; undefined if it is something from outside. */
export function draggedPath(event: DragEvent): string | undefined {
  return event.dataTransfer.types.includes(kind) ? dragged : undefined
}

/** The folder under the pointer, in the listing or among the crumbs. Never what is dragged itself. */
export function dropPlace(event: DragEvent): string | undefined {
  const target = event.target as Element
  const link = target.closest('[role=row]')?.querySelector('a') ?? target.closest<HTMLAnchorElement>('.crumbs a')
  if (!link?.pathname.startsWith('/data/storage') || link.search !== '') return undefined
  const path = link.pathname.split('/').slice(3).map(decodeURIComponent).join('/')
  return path === draggedPath(event) ? undefined : path
}
