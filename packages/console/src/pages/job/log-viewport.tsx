import type { LogLine } from '@nabla/api/log'
import {
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { type LineLook, LogLineView } from './log-line.tsx'
import type { LogRows } from './log-rows.ts'
import { useLongScroll } from './log-scroll.ts'

/** Height of a line that is not broken; theme of `log.css` has the same. */
const rowPx = 20
/** Below the last line, for the bar that scrolls long lines sideways. */
const belowPx = 16

export interface LogViewportProps extends LineLook {
  rows: LogRows
  follow: boolean
  onFollow: (follow: boolean) => void
  /** A line that is to be brought into sight; a new object for each time. */
  target: { seq: number } | undefined
  selection: readonly [number, number] | undefined
  onPick: (seq: number, extend: boolean) => void
  onShowAll: (line: LogLine) => void
  hrefOf: (seq: number) => string
  /** Tells which line is the first in sight. */
  onTop: (seq: number) => void
}

/**
 * The lines in sight, of any number. What is drawn stands still over an element that makes the scroll bar, so nothing
 * flickers however fast one scrolls. Lines that are broken are counted as one row each.
 */
export function LogViewport(props: LogViewportProps): ReactNode {
  const { rows, follow, onFollow, wrap } = props
  const version = useSyncExternalStore(rows.subscribe, () => rows.version)
  const box = useRef<HTMLDivElement>(null)
  const lines = useRef<HTMLDivElement>(null)
  const viewPx = useHeight(box)
  const isAtEnd = useRef(false)
  const contentPx = rows.count * rowPx + (wrap ? Math.max(0, viewPx - rowPx) : belowPx)
  const scroll = useLongScroll({
    box,
    contentPx,
    viewPx,
    onMove(offset, by) {
      isAtEnd.current = offset >= contentPx - viewPx - 2
      if (follow && by < 0) {
        onFollow(false)
        if (wrap) scroll.scrollTo(Math.max(0, firstInSight(lines.current) * rowPx + by))
      } else if (!follow && by > 0 && isAtEnd.current && !wrap) onFollow(true)
    },
  })
  const { offset, end, scrollTo } = scroll
  useLayoutEffect(() => {
    if (follow) scrollTo(end)
  }, [follow, end, scrollTo])
  useTarget(props, scrollTo, viewPx)

  const drawn = Math.ceil(viewPx / rowPx) + 1
  const isAnchored = follow && wrap
  const first = isAnchored ? Math.max(0, rows.count - drawn) : Math.min(Math.floor(offset / rowPx), rows.count)
  const last = Math.min(rows.count, first + drawn) - 1
  useEffect(() => {
    if (last >= first) rows.want(first, last)
  }, [rows, first, last, version])
  const topSeq = rows.row(first)?.seq
  useEffect(() => {
    if (topSeq !== undefined) props.onTop(topSeq)
  }, [topSeq])
  useFirstRowShift(lines, offset, isAnchored, `${version}:${first}:${wrap}`)
  return (
    <div ref={box} className="log-box" role="region" aria-label="Log" tabIndex={0}>
      <div className="log-spacer" style={{ height: scroll.spacerPx }}>
        <div className="log-view" style={{ height: viewPx }}>
          <div ref={lines} className={isAnchored ? 'log-lines log-anchored' : 'log-lines'}>
            {Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => (
              <Row key={first + place} index={first + place} {...props} />
            ))}
          </div>
        </div>
      </div>
    </div>
  )
}

function Row({ index, ...props }: LogViewportProps & { index: number }): ReactNode {
  const { rows, selection, hrefOf, times, wrap, since, marked, onPick, onShowAll } = props
  const line = rows.row(index)
  if (!line) return <div className="log-line log-wait" data-index={index} aria-hidden="true" />
  const selected = selection !== undefined && line.seq >= selection[0] && line.seq <= selection[1]
  return <LogLineView {...{ line, selected, times, wrap, since, marked, onPick, onShowAll }} href={hrefOf(line.seq)} />
}

/** Brings a line to a third of the height when it is asked for, once it is known how many there are. */
function useTarget({ target, rows, onFollow }: LogViewportProps, scrollTo: (offset: number) => void, viewPx: number) {
  const done = useRef<object>(undefined)
  useLayoutEffect(() => {
    if (!target || target === done.current || rows.count === 0 || viewPx === 0) return
    done.current = target
    onFollow(false)
    scrollTo(rows.indexOf(target.seq) * rowPx - Math.floor(viewPx / 3))
  })
}

/** Moves the lines up by the part of the first one that is scrolled out: of a broken line it is a part of all its height. */
function useFirstRowShift(lines: RefObject<HTMLElement | null>, offset: number, isAnchored: boolean, drawn: string) {
  useLayoutEffect(() => {
    const element = lines.current
    if (!element) return
    const height = element.firstElementChild?.getBoundingClientRect().height ?? rowPx
    const shift = isAnchored ? 0 : ((offset % rowPx) / rowPx) * height
    element.style.transform = `translateY(${-shift}px)`
  }, [lines, offset, isAnchored, drawn])
}

/** Place among all rows of the first one in sight, of lines that stand at the end. */
function firstInSight(lines: HTMLElement | null): number {
  const top = lines?.parentElement?.getBoundingClientRect().top ?? 0
  const shown = [...(lines?.querySelectorAll<HTMLElement>('[data-line]') ?? [])]
  const first = shown.find((line) => line.getBoundingClientRect().bottom > top)
  return Math.max(0, Number(first?.dataset['line'] ?? 1) - 1)
}

function useHeight(box: RefObject<HTMLElement | null>): number {
  const [height, setHeight] = useState(0)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const look = () => setHeight(element.clientHeight)
    look()
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => observer.disconnect()
  }, [box])
  return height
}
