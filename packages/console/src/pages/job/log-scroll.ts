import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'

/** Browsers draw nothing that is much higher than this; a longer log is scrolled as if it were this high. */
const highestPx = 4_000_000

export interface LongScroll {
  /** How far the content is scrolled, in px of the content itself. */
  offset: number
  /** The furthest that it can be scrolled. */
  end: number
  /** Height of the element that makes the scroll bar. */
  spacerPx: number
  scrollTo: (offset: number) => void
}

/**
 * Scrolls content of any height, such as ten million rows. Up to a height it is the browser's own scrolling; beyond it
 * the scroll bar stands for the whole, while wheel, keys and fingers move by what they say. `onMove` is told of what
 * the reader does, and not of `scrollTo`.
 */
export function useLongScroll(given: {
  box: RefObject<HTMLElement | null>
  contentPx: number
  viewPx: number
  onMove: (offset: number, by: number) => void
}): LongScroll {
  const { box, contentPx, viewPx } = given
  const [offset, setOffset] = useState(0)
  const end = Math.max(0, contentPx - viewPx)
  const spacerPx = Math.min(contentPx, highestPx)
  const ratio = end === 0 ? 1 : end / Math.max(1, spacerPx - viewPx)
  const now = useRef({ ...given, offset, end, ratio, top: 0 })
  now.current = { ...now.current, ...given, end, ratio }

  const put = useCallback((next: number) => {
    const { current } = now
    current.offset = Math.min(current.end, Math.max(0, next))
    setOffset(current.offset)
    const element = current.box.current
    if (!element) return
    element.scrollTop = current.offset / current.ratio
    current.top = element.scrollTop
  }, [])

  // The content has grown or shrunk: what is in sight stays in sight.
  useLayoutEffect(() => {
    if (now.current.ratio !== 1 || now.current.offset > end) put(now.current.offset)
  }, [end, put])

  useEffect(() => {
    const element = box.current
    return element ? listen(element, now, put, setOffset) : undefined
  }, [box, put])

  return { offset: Math.min(offset, end), end, spacerPx, scrollTo: put }
}

type Now = RefObject<{
  offset: number
  end: number
  ratio: number
  top: number
  viewPx: number
  onMove: (offset: number, by: number) => void
}>

const lineOfWheelPx = 20

function listen(element: HTMLElement, now: Now, put: (offset: number) => void, set: (offset: number) => void) {
  let dragging = false
  const move = (offset: number) => {
    const before = now.current.offset
    put(offset)
    now.current.onMove(now.current.offset, now.current.offset - before)
  }
  const onScroll = () => {
    const { current } = now
    const by = element.scrollTop - current.top
    if (Math.abs(by) < 0.5) return
    const before = current.offset
    current.top = element.scrollTop
    const isLeap = current.ratio === 1 || dragging || Math.abs(by) > current.viewPx * 2
    const offset = isLeap ? element.scrollTop * current.ratio : before + by
    current.offset = Math.min(current.end, Math.max(0, offset))
    set(current.offset)
    current.onMove(current.offset, current.offset - before)
  }
  // Fingers moved it by px, so the bar stands a little beside where it should.
  const onScrollEnd = () => (now.current.ratio === 1 || dragging ? undefined : put(now.current.offset))
  const onWheel = (event: WheelEvent) => {
    if (now.current.ratio === 1 || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return
    event.preventDefault()
    const unit = [1, lineOfWheelPx, now.current.viewPx][event.deltaMode] ?? 1
    move(now.current.offset + event.deltaY * unit)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== element || event.metaKey || event.altKey) return
    const { offset, end, viewPx } = now.current
    const page = viewPx * 0.9
    const steps: Record<string, number> = { ArrowDown: 40, ArrowUp: -40, PageDown: page, PageUp: -page, ' ': page }
    const step = event.key === ' ' && event.shiftKey ? -page : steps[event.key]
    const target = event.key === 'Home' ? 0 : event.key === 'End' ? end : step === undefined ? undefined : offset + step
    if (target === undefined) return
    event.preventDefault()
    move(target)
  }
  const onPointerDown = (event: PointerEvent) => (dragging = event.offsetX >= element.clientWidth)
  const onPointerUp = () => {
    dragging = false
  }
  element.addEventListener('scroll', onScroll, { passive: true })
  element.addEventListener('scrollend', onScrollEnd)
  element.addEventListener('wheel', onWheel, { passive: false })
  element.addEventListener('keydown', onKeyDown)
  element.addEventListener('pointerdown', onPointerDown)
  window.addEventListener('pointerup', onPointerUp)
  return () => {
    element.removeEventListener('scroll', onScroll)
    element.removeEventListener('scrollend', onScrollEnd)
    element.removeEventListener('wheel', onWheel)
    element.removeEventListener('keydown', onKeyDown)
    element.removeEventListener('pointerdown', onPointerDown)
    window.removeEventListener('pointerup', onPointerUp)
  }
}
