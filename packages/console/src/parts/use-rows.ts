import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

export interface VisibleRows {
  /** In their order, but while one scrolls: then each stays at the place of its slot, so that no element is moved. */
  items: { index: number; top: number }[]
  totalHeight: number
  /** Index of the last row that is drawn; -1 if there is none. */
  last: number
  /** As many are drawn while one scrolls: the elements of a row that leaves are those of one that comes. */
  slots: number
  /** Brings a row into sight. */
  show: (index: number) => void
}

/** On a phone a row is a card of this height: a title line and a line of facts. */
const cardHeight = 64
const phone = '(max-width: 720px)'
/** Rows drawn beyond both edges, so that fast scrolling shows no gap. */
const beyond = 14
/** Nobody scrolls any more when nothing has been for so long. */
const calmMs = 1000
/** When fewer rows than this are left beyond an edge, more are drawn: one look for many small steps. */
const least = 5
/** What lies over the rows at the top and the bottom of the page. */
const [coveredTop, coveredBottom] = [120, 60]

/** Which rows of a list are in sight, as the page scrolls. All are of one height, so nothing has to be measured. */
export function useRows(given: { body: RefObject<HTMLElement | null>; count: number; height: number }): VisibleRows {
  const { body, count } = given
  const narrow = useMedia(phone)
  const height = narrow ? cardHeight : given.height
  const [[first, end], setDrawn] = useState<readonly [number, number]>(() => [0, firstRows(height)])
  const [isScrolling, setScrolling] = useState(false)
  const latestCount = useRef(count)
  latestCount.current = count
  const drawSeen = useRef<() => void>(undefined)
  useLayoutEffect(() => {
    let margin = topOf(body.current)
    const draw = (more: number, spare: number) =>
      setDrawn((drawn) => {
        const count = latestCount.current
        const from = Math.floor((window.scrollY - margin) / height)
        const to = Math.ceil((window.scrollY - margin + window.innerHeight) / height)
        const isCovered = drawn[0] <= Math.max(0, from - spare) && drawn[1] >= Math.min(count, to + spare)
        if (isCovered && drawn[1] - drawn[0] <= slotsOf(height)) return drawn
        const start = Math.min(Math.max(0, from - more), Math.max(0, count - 1))
        return [start, Math.max(start, more > 0 ? start + slotsOf(height) : to)]
      })
    let calm: ReturnType<typeof setTimeout> | undefined
    const look = () => draw(beyond, least)
    const scrolled = () => {
      clearTimeout(calm)
      calm = setTimeout(() => setScrolling(false), calmMs)
      setScrolling(true)
      look()
    }
    const lookAnew = () => {
      // Asking makes the browser lay out the page there and then, and scrolling moves nothing.
      margin = topOf(body.current)
      look()
    }
    drawSeen.current = () => draw(0, 0)
    // What is in sight is painted first; the rows around it are there before anybody scrolls.
    draw(0, 0)
    const painted = afterPaint(look)
    window.addEventListener('scroll', scrolled, { passive: true })
    window.addEventListener('resize', lookAnew)
    const observer = new ResizeObserver(lookAnew)
    if (body.current?.offsetParent) observer.observe(document.body)
    return () => {
      painted()
      clearTimeout(calm)
      window.removeEventListener('scroll', scrolled)
      window.removeEventListener('resize', lookAnew)
      observer.disconnect()
    }
  }, [body, height])
  useLayoutEffect(() => drawSeen.current?.(), [count])
  const last = Math.min(end, count) - 1
  const slots = slotsOf(height)
  const items = Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => ({
    index: first + place,
    top: (first + place) * height,
  }))
  return {
    items: isScrolling ? items.sort((one, other) => (one.index % slots) - (other.index % slots)) : items,
    totalHeight: count * height,
    last,
    slots,
    show(index) {
      const top = topOf(body.current) + index * height
      const { scrollY, innerHeight } = window
      if (top < scrollY + coveredTop) window.scrollTo({ top: top - coveredTop })
      else if (top + height > scrollY + innerHeight - coveredBottom)
        window.scrollTo({ top: top + height - innerHeight + coveredBottom })
    },
  }
}

/** As many rows as a window is high: some more than are in sight, below what stands above them. */
const firstRows = (height: number): number => Math.ceil(window.innerHeight / height)
const slotsOf = (height: number): number => firstRows(height) + 1 + 2 * beyond

/** Calls back when the next frame has been painted; returns what prevents it. */
function afterPaint(then: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const frame = requestAnimationFrame(() => (timer = setTimeout(then)))
  return () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
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
