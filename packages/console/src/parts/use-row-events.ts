import { useNavigate, useRouter } from '@tanstack/react-router'
import { type MouseEvent, type PointerEvent, useEffect, useRef } from 'react'

/** Who rests on a row for this long is likely to open it. */
const restMs = 40
/** A pointer that moved no further between press and release, in px, has not dragged. */
const stillPx = 4

interface Given {
  /** The address that a row opens. */
  href: ((index: number) => string) | undefined
  select: (index: number) => void
  openMenu: (index: number) => void
}

export interface RowEvents {
  onClick: (event: MouseEvent) => void
  onPointerOver: (event: PointerEvent) => void
  onPointerDown: (event: PointerEvent) => void
  onPointerLeave: () => void
}

/** What is pressed in any row of a table, heard in one place; the page that a row opens is read ahead. */
export function useRowEvents({ href, select, openMenu }: Given): RowEvents {
  const navigate = useNavigate()
  const router = useRouter()
  const ahead = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; to: string | undefined }>({
    timer: undefined,
    to: undefined,
  })
  const pressed = useRef<{ to: string; x: number; y: number }>(undefined)
  useEffect(() => () => clearTimeout(ahead.current.timer), [])
  /** Addresses of other pages are the browser's to open, should the router not get there. */
  const open = (to: string) => {
    navigate({ to: to as never }).catch(() => window.location.assign(to))
  }
  const readAhead = (event: PointerEvent, afterMs: number) => {
    const index = indexOf(event.target)
    const to = index === undefined || !href ? undefined : href(index)
    if (to === ahead.current.to && afterMs > 0) return
    clearTimeout(ahead.current.timer)
    ahead.current.to = to
    if (to === undefined) return
    const read = () => void router.preloadRoute({ to: to as never })
    if (afterMs === 0) read()
    else ahead.current.timer = setTimeout(read, afterMs)
  }
  return {
    onClick(event) {
      const index = indexOf(event.target)
      const target = event.target as Element
      const meant = pressed.current
      pressed.current = undefined
      if (index !== undefined && target.matches('.check')) select(index)
      else if (index !== undefined && target.closest('button.actions-button[aria-expanded=false]')) openMenu(index)
      else if (index !== undefined && href && isPlain(event) && target.closest('.table-link')) {
        event.preventDefault()
        open(href(index))
      } else if (meant && isPlain(event) && isOfNothing(target) && isAt(event, meant)) open(meant.to)
    },
    onPointerOver: (event) => event.pointerType === 'mouse' && readAhead(event, restMs),
    onPointerDown(event) {
      readAhead(event, 0)
      const index = indexOf(event.target)
      const isOfLink = (event.target as Element).closest('.table-link') !== null
      pressed.current =
        index !== undefined && href && isOfLink ? { to: href(index), x: event.clientX, y: event.clientY } : undefined
    },
    onPointerLeave() {
      clearTimeout(ahead.current.timer)
      ahead.current.to = undefined
    },
  }
}

/** Which row an element is in; what a menu shows is in none, though React passes its events on. */
function indexOf(target: EventTarget): number | undefined {
  const row = target instanceof Element ? target.closest<HTMLElement>('.table-line') : null
  return row ? Number(row.dataset['index']) : undefined
}

/**
 * Rows that changed or moved between press and release: the browser gives the click to what is around both places, which
 * is a row or the whole body. What was pressed is meant.
 */
const isOfNothing = (target: Element): boolean => target.closest('a, button, input, [role=menu]') === null

const isAt = (event: MouseEvent, { x, y }: { x: number; y: number }): boolean =>
  Math.hypot(event.clientX - x, event.clientY - y) <= stillPx

/** Not one that asks for another tab or window, which the browser opens itself. */
const isPlain = (event: MouseEvent): boolean =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
