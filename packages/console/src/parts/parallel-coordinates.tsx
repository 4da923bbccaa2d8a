import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useMemo, useRef } from 'react'
import { useCanvas } from './canvas.ts'
import { moveBrush, type Brush, type Brushes } from './parallel-brush.ts'
import { axisX, bottom, crossings, drawLines, type ParallelAxis, side, top } from './parallel-lines.ts'
import './parallel-coordinates.css'

export interface ParallelProps {
  axes: readonly ParallelAxis[]
  /** How many rows there are. */
  count: number
  /** Rows that go through all brushes. */
  kept: readonly number[]
  /** The axis that gives the lines their colour: from faint to the accent. */
  colorBy: string | undefined
  brushes: Brushes
  onBrush: (brushes: Brushes) => void
  /** A row that stands out. */
  marked?: number | undefined
  height?: number
}

/** From so many lines on each is thinner and fainter. */
const many = 300

/**
 * Each row as a line across axes. Dragging along an axis keeps the rows that go through there; a double click lets go of
 * it. With the keyboard: arrows move what is kept, with the shift key they widen it, Escape lets go.
 */
export function ParallelCoordinates(props: ParallelProps): ReactNode {
  const { axes, brushes, onBrush, marked, height = 360 } = props
  const { all, kept, width } = useLines(props, height)
  const x = (place: number) => axisX(place, axes.length, width)
  return (
    <div className="parallel" style={{ height }} role="group" aria-label="Parallel coordinates">
      <canvas ref={all} aria-hidden="true" />
      <canvas ref={kept} aria-hidden="true" />
      {marked !== undefined && width > 0 && (
        <svg className="parallel-marked" aria-hidden="true">
          <path d={pathOf(crossings(axes, marked, { width, height }))} />
        </svg>
      )}
      {width > 0 &&
        axes.map((one, place) => (
          <Axis
            key={one.id}
            one={one}
            x={x(place)}
            room={(width - 2 * side) / Math.max(1, axes.length - 1)}
            height={height}
            brush={brushes[one.id]}
            onBrush={(brush) => {
              const { [one.id]: _, ...others } = brushes
              onBrush(brush ? { ...others, [one.id]: brush } : others)
            }}
          />
        ))}
    </div>
  )
}

/**
 * Two canvases above each other: all lines, faintly, while some are chosen, and those that are kept. Dragging draws only
 * the upper one anew. What comes in while one looks is drawn in one go: the picture would thin out for a moment.
 */
function useLines({ axes, count, kept, colorBy, brushes }: ParallelProps, height: number) {
  const seen = useRef<readonly ParallelAxis[]>(undefined)
  const gradually = seen.current === undefined || seen.current === axes
  useEffect(() => {
    seen.current = axes
  }, [axes])
  const isBrushed = Object.keys(brushes).length > 0
  const rows = useMemo(() => Array.from({ length: count }, (_, row) => row), [count])
  const all = useCanvas(
    height,
    (drawing) => {
      const look = { axes, rows, colorBy: undefined, color: '--line-strong', alpha: 0.25, lineWidth: 1 }
      return drawLines(drawing, isBrushed ? look : { ...look, rows: [] }, gradually)
    },
    [axes, rows, isBrushed],
  )
  const upper = useCanvas(
    height,
    (drawing) => {
      const isMany = kept.length > many
      const look = { color: '--accent', alpha: isMany ? 0.35 : 0.75, lineWidth: isMany ? 1 : 1.4 }
      const coloured = axes.find(({ id }) => id === colorBy)
      return drawLines(drawing, { axes, rows: kept, colorBy: coloured, ...look }, gradually)
    },
    [axes, kept, colorBy],
  )
  return { all: all.canvas, kept: upper.canvas, width: upper.width }
}

/** A line with gaps, as SVG writes it. */
const pathOf = (points: ReturnType<typeof crossings>): string =>
  points.map((point, at) => (point ? `${points[at - 1] ? 'L' : 'M'}${point[0]},${point[1]}` : '')).join('')

interface AxisProps {
  one: ParallelAxis
  x: number
  room: number
  height: number
  brush: Brush | undefined
  onBrush: (brush: Brush | undefined) => void
}

function Axis({ one, x, room, height, brush, onBrush }: AxisProps): ReactNode {
  const { label, axis } = one
  const span = height - top - bottom
  const text = brush ? `${axis.textAt(brush[0])} to ${axis.textAt(brush[1])}` : 'all'
  const y = (place: number) => span * (1 - place)
  const onKeyDown = (event: KeyboardEvent) => {
    const next = moveBrush(brush, event.key, event.shiftKey)
    if (next === 'none') return
    event.preventDefault()
    onBrush(next)
  }
  return (
    <div className="parallel-axis" style={{ left: x, width: Math.min(160, room) }}>
      <div className="parallel-label ellipsis" title={label} dir="auto">
        {label}
      </div>
      <div
        className="parallel-line"
        style={{ top, height: span }}
        role="slider"
        aria-label={`Kept of ${label}`}
        aria-orientation="vertical"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * (brush ? (brush[0] + brush[1]) / 2 : 0.5))}
        aria-valuetext={text}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => dragBrush(event, span, onBrush)}
        onDoubleClick={() => onBrush(undefined)}
      >
        {axis.ticks.map((tick) => (
          <span key={tick.place} className="parallel-tick number ellipsis" style={{ top: y(tick.place) }}>
            {tick.label}
          </span>
        ))}
        {brush && (
          <span
            className="parallel-brush"
            style={{ top: y(brush[1]), height: Math.max(2, y(brush[0]) - y(brush[1])) }}
          />
        )}
      </div>
    </div>
  )
}

function dragBrush(event: PointerEvent<HTMLElement>, span: number, onBrush: AxisProps['onBrush']): void {
  const element = event.currentTarget
  const { top: edge } = element.getBoundingClientRect()
  const placeOf = (clientY: number) => Math.min(1, Math.max(0, 1 - (clientY - edge) / span))
  const start = placeOf(event.clientY)
  element.setPointerCapture(event.pointerId)
  const move = ({ clientY }: globalThis.PointerEvent) => {
    const now = placeOf(clientY)
    if (Math.abs(now - start) * span > 3) onBrush([Math.min(start, now), Math.max(start, now)])
  }
  const end = () => {
    element.removeEventListener('pointermove', move)
    element.removeEventListener('pointerup', end)
    element.removeEventListener('pointercancel', end)
  }
  element.addEventListener('pointermove', move)
  element.addEventListener('pointerup', end)
  element.addEventListener('pointercancel', end)
}
