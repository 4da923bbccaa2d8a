import type { LogLine } from '@nabla/api/log'
import { memo, type ReactNode } from 'react'
import '../../parts/ansi.css'
import { formatCount, formatDuration, formatTime } from '../../parts/format.ts'
import { parseAnsi, type Segment } from '../../parts/ansi.ts'

/** How times stand before the lines. */
export type LogTimes = 'off' | 'relative' | 'absolute'

export interface LineLook {
  times: LogTimes
  wrap: boolean
  /** When the run began, for times since then. */
  since: number
  /** What is looked for, in small letters; its places are marked. */
  marked: string
}

/** Of a longer line only the beginning is drawn until somebody asks for the rest. */
export const longLine = 4000

interface LogLineProps extends LineLook {
  /** Of several logs in one: also who wrote it, with a place in the palette. */
  line: LogLine & { origin?: { host: string; color: number } }
  selected: boolean
  href: string
  onPick: (seq: number, extend: boolean) => void
  onShowAll: (line: LogLine) => void
}

/** One line of a log, drawn again only when it changes. */
export const LogLineView = memo(function LogLineView(props: LogLineProps): ReactNode {
  const { line, selected, href, onPick, onShowAll, wrap, marked } = props
  const { seq, source, text, origin } = line
  const shown = text.length > longLine ? text.slice(0, longLine) : text
  return (
    <div className={`log-line log-${source} ${selected ? 'log-selected' : ''}`} data-line={seq}>
      <a
        className="log-number number"
        href={href}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault()
          onPick(seq, event.shiftKey)
        }}
      >
        {formatCount(seq)}
      </a>
      <LineTime line={line} times={props.times} since={props.since} />
      {origin && (
        <span className="log-origin ellipsis" title={origin.host}>
          <span className={`chart-mark chart-color-${origin.color}`} aria-hidden="true" />
          {origin.host}
        </span>
      )}
      {source !== 'stdout' && <span className="only-heard">{source}: </span>}
      <span className={wrap ? 'log-text log-wrap' : 'log-text'} dir="auto">
        {parseAnsi(shown).map((segment, index) => (
          <SegmentView key={index} segment={segment} marked={marked} />
        ))}
        {text.length > longLine && (
          <button type="button" className="log-more" onClick={() => onShowAll(line)}>
            … all {formatCount(text.length)} characters
          </button>
        )}
      </span>
    </div>
  )
})

function LineTime({ line, times, since }: { line: LogLine; times: LogTimes; since: number }): ReactNode {
  if (times === 'off') return null
  const at = Date.parse(line.at)
  const text = times === 'relative' ? `+${formatDuration(Math.max(0, at - since))}` : timeOfDay(new Date(at))
  return (
    <time className="log-time number" dateTime={line.at} title={formatTime(at)}>
      {text}
    </time>
  )
}

const two = (number: number) => String(number).padStart(2, '0')

const timeOfDay = (time: Date): string =>
  `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`

function SegmentView({ segment, marked }: { segment: Segment; marked: string }): ReactNode {
  const { text, className, color, background } = segment
  const content = marked === '' ? text : markPlaces(text, marked)
  if (className === undefined && color === undefined && background === undefined) return content
  // A colour that a program chose is brought nearer to that of text, so that it is readable in both themes.
  const style = {
    ...(color !== undefined && { color: `color-mix(in oklab, ${color} 65%, var(--text))` }),
    ...(background !== undefined && { background: `color-mix(in oklab, ${background} 30%, transparent)` }),
  }
  return (
    <span className={className} style={style}>
      {content}
    </span>
  )
}

function markPlaces(text: string, marked: string): ReactNode {
  const small = text.toLowerCase()
  const pieces: ReactNode[] = []
  let start = 0
  for (let at = small.indexOf(marked); at !== -1 && pieces.length < 200; at = small.indexOf(marked, start)) {
    pieces.push(text.slice(start, at), <mark key={at}>{text.slice(at, at + marked.length)}</mark>)
    start = at + marked.length
  }
  return pieces.length === 0 ? text : [...pieces, text.slice(start)]
}
