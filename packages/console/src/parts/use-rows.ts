import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

export interface VisibleRows {
  items: { index: number; top: number }[]
  totalHeight: number
  /** Index of the last row that is drawn; -1 if there is none. */
  last: number
  /** Brings a row into sight. */
  show: (index: number) => void
}

/** On a phone a row is a card of this height: a title line and a line of facts. */
const cardHeight = 64
const phone = '(max-width: 720px)'
/** Rows drawn beyond both edges, so that fast scrolling shows no gap. */
const beyond = 12

/** Which rows of a list are in sight, as the page scrolls. */
export function useRows(given: { body: RefObject<HTMLElement | null>; count: number; height: number }): VisibleRows {
  const { body, count } = given
  const narrow = useMedia(phone)
  const height = narrow ? cardHeight : given.height
  const [margin, setMargin] = useState(0)
  const scrolling = useRef(false)
  useLayoutEffect(() => {
    // Asking makes the browser lay out the page there and then, and scrolling moves nothing.
    if (scrolling.current) return
    const top = body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0
    if (Math.abs(top - margin) > 1) setMargin(top)
  })
  const virtual = useWindowVirtualizer({
    count,
    estimateSize: () => height,
    overscan: beyond,
    scrollMargin: margin,
    scrollPaddingStart: 120,
    scrollPaddingEnd: 60,
    // Once for each picture of the screen, not for each event: the rows beyond the edges cover what comes between.
    useFlushSync: false,
  })
  scrolling.current = virtual.isScrolling
  useLayoutEffect(() => virtual.measure(), [virtual, height])
  const items = virtual.getVirtualItems()
  return {
    items: items.map(({ index, start }) => ({ index, top: start - margin })),
    totalHeight: virtual.getTotalSize(),
    last: items.at(-1)?.index ?? -1,
    show: (index) => virtual.scrollToIndex(index),
  }
}

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches)
  useLayoutEffect(() => {
    const media = window.matchMedia(query)
    const look = () => setMatches(media.matches)
    look()
    media.addEventListener('change', look)
    return () => media.removeEventListener('change', look)
  }, [query])
  return matches
}
