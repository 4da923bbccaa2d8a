import { type RefObject, useLayoutEffect, useState } from 'react'

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
const beyond = 14
/** When fewer rows than this are left beyond an edge, more are drawn: one look for many small steps. */
const least = 5
/** What lies over the rows at the top and the bottom of the page. */
const [coveredTop, coveredBottom] = [120, 60]

/** Which rows of a list are in sight, as the page scrolls. All are of one height, so nothing has to be measured. */
export function useRows(given: { body: RefObject<HTMLElement | null>; count: number; height: number }): VisibleRows {
  const { body, count } = given
  const narrow = useMedia(phone)
  const height = narrow ? cardHeight : given.height
  const [[first, end], setDrawn] = useState<readonly [number, number]>([0, 2 * beyond])
  useLayoutEffect(() => {
    let margin = topOf(body.current)
    const look = () =>
      setDrawn((drawn) => {
        const from = Math.floor((window.scrollY - margin) / height)
        const to = Math.ceil((window.scrollY - margin + window.innerHeight) / height)
        const isCovered = drawn[0] <= Math.max(0, from - least) && drawn[1] >= Math.min(count, to + least)
        const isMuch = drawn[1] - drawn[0] > to - from + 3 * beyond
        if (isCovered && !isMuch) return drawn
        const start = Math.min(Math.max(0, from - beyond), Math.max(0, count - 1))
        return [start, Math.max(start, to + beyond)]
      })
    const lookAnew = () => {
      // Asking makes the browser lay out the page there and then, and scrolling moves nothing.
      margin = topOf(body.current)
      look()
    }
    look()
    window.addEventListener('scroll', look, { passive: true })
    window.addEventListener('resize', lookAnew)
    const observer = new ResizeObserver(lookAnew)
    if (body.current?.offsetParent) observer.observe(document.body)
    return () => {
      window.removeEventListener('scroll', look)
      window.removeEventListener('resize', lookAnew)
      observer.disconnect()
    }
  }, [body, count, height])
  const last = Math.min(end, count) - 1
  return {
    items: Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => ({
      index: first + place,
      top: (first + place) * height,
    })),
    totalHeight: count * height,
    last,
    show(index) {
      const top = topOf(body.current) + index * height
      const { scrollY, innerHeight } = window
      if (top < scrollY + coveredTop) window.scrollTo({ top: top - coveredTop })
      else if (top + height > scrollY + innerHeight - coveredBottom)
        window.scrollTo({ top: top + height - innerHeight + coveredBottom })
    },
  }
}

/** How far an element is from the top of the page, in px. */
const topOf = (element: HTMLElement | null): number =>
  element ? element.getBoundingClientRect().top + window.scrollY : 0

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
