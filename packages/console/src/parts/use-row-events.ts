import { useNavigate, useRouter } from '@tanstack/react-router'
import { type MouseEvent, type PointerEvent, useEffect, useRef } from 'react'

/** Who rests on a row for this long is likely to open it. */
const restMs = 40
/** A pointer that moved no further between press and release, in px, has not dragged. */
const stillPx = 4

interface Given {
  /** What tells a row apart. */
  keyOf: (index: number) => string
  /** The address that a row opens. */
  href: ((index: number) => string) | undefined
  select: (index: number) => void
  openMenu: (index: number) => void
}

export interface RowEvents {
  onClick: (event: MouseEvent) => void
  onPointerMove: (event: PointerEvent) => void
  onPointerDown: (event: PointerEvent) => void
  onPointerLeave: () => void
}

/** What is pressed in any row of a table, heard in one place; the page that a row opens is read ahead. */
export function useRowEvents({ keyOf, href, select, openMenu }: Given): RowEvents {
  const navigate = useNavigate()
  const router = useRouter()
  const ahead = useRef<{ timer: ReturnType<typeof setTimeout> | undefined; to: string | undefined }>({
    timer: undefined,
    to: undefined,
  })
  const pressed = useRef<{ key: string; to: string | undefined; x: number; y: number }>(undefined)
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
      // Another row than was pressed may have come to these elements meanwhile; keys press nothing before.
      const isOther = index === undefined || (meant !== undefined && event.detail > 0 && meant.key !== keyOf(index))
      if (isOther) {
        if (meant?.to === undefined || !isPlain(event) || !isAt(event, meant)) return
        if (!isOfNothing(target) && !target.closest('.table-link')) return
        event.preventDefault()
        open(meant.to)
      } else if (target.matches('.check')) select(index)
      else if (target.closest('button.actions-button[aria-expanded=false]')) openMenu(index)
      else if (href && isPlain(event) && target.closest('.table-link')) {
        event.preventDefault()
        open(href(index))
      } else if (meant?.to !== undefined && isPlain(event) && isOfNothing(target) && isAt(event, meant)) open(meant.to)
    },
    onPointerMove: (event) => isMoved(event) && readAhead(event, restMs),
    onPointerDown(event) {
      readAhead(event, 0)
      const index = indexOf(event.target)
      const isOfLink = (event.target as Element).closest('.table-link') !== null
      const { clientX: x, clientY: y } = event
      const to = index !== undefined && isOfLink ? href?.(index) : undefined
      pressed.current = index === undefined ? undefined : { key: keyOf(index), to, x, y }
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

/** A mouse that was moved, and not one that rows were scrolled past: each of them would be read. */
const isMoved = ({ pointerType, movementX, movementY }: PointerEvent): boolean =>
  pointerType === 'mouse' && (movementX !== 0 || movementY !== 0)

/** Not one that asks for another tab or window, which the browser opens itself. */
const isPlain = (event: MouseEvent): boolean =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
