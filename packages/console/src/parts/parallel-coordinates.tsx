import { type KeyboardEvent, type PointerEvent, type ReactNode, useMemo } from 'react'
import { type Drawing, useCanvas } from './canvas.ts'
import { isWithin, moveBrush, type Brush, type Brushes } from './parallel-brush.ts'
import type { AxisValue, ValueAxis } from './value-axis.ts'
import './parallel-coordinates.css'

export interface ParallelAxis {
  id: string
  label: string
  axis: ValueAxis
  /** One for each row. */
  values: readonly AxisValue[]
}

export interface ParallelProps {
  axes: readonly ParallelAxis[]
  /** How many rows there are. */
  count: number
  /** The axis that gives the lines their colour: from faint to the accent. */
  colorBy: string | undefined
  brushes: Brushes
  onBrush: (brushes: Brushes) => void
  /** A row that stands out. */
  marked?: number | undefined
  height?: number
}

const [top, bottom, side] = [44, 12, 56]

/**
 * Each row as a line across axes. Dragging along an axis keeps the rows that go through there; a double click lets go of
 * it. With the keyboard: arrows move what is kept, with the shift key they widen it, Escape lets go.
 */
export function ParallelCoordinates(props: ParallelProps): ReactNode {
  const { axes, count, brushes, onBrush, colorBy, marked, height = 360 } = props
  const kept = useMemo(
    () => Array.from({ length: count }, (_, row) => isWithin(axes, brushes, row)),
    [axes, brushes, count],
  )
  const { canvas, width } = useCanvas(height, (drawing) => drawLines(drawing, props, kept), [
    axes,
    kept,
    colorBy,
    marked,
  ])
  const x = (place: number) => axisX(place, axes.length, width)
  return (
    <div className="parallel" style={{ height }} role="group" aria-label="Parallel coordinates">
      <canvas ref={canvas} aria-hidden="true" />
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

const axisX = (place: number, count: number, width: number): number =>
  count === 1 ? width / 2 : side + (place * (width - 2 * side)) / (count - 1)

function drawLines({ context, width, height, color }: Drawing, props: ParallelProps, kept: readonly boolean[]): void {
  const { axes, colorBy, marked } = props
  const coloured = axes.find(({ id }) => id === colorBy)
  const [accent, faint] = [color('--accent'), color('--line-strong')]
  const keptCount = kept.filter(Boolean).length
  const y = (place: number) => top + (height - top - bottom) * (1 - place)
  const line = (row: number) => {
    context.beginPath()
    let isOn = false
    for (const [index, { axis, values }] of axes.entries()) {
      const place = axis.place(values[row])
      const x = axisX(index, axes.length, width)
      if (place !== undefined) context[isOn ? 'lineTo' : 'moveTo'](x, y(place))
      isOn = place !== undefined
    }
    context.stroke()
  }
  context.strokeStyle = faint
  context.globalAlpha = 0.25
  for (const row of someRows(kept, false)) line(row)
  context.lineWidth = keptCount > 300 ? 1 : 1.4
  context.strokeStyle = accent
  for (const row of someRows(kept, true)) {
    const share = coloured ? (coloured.axis.place(coloured.values[row]) ?? 0) : 1
    context.globalAlpha = (keptCount > 300 ? 0.35 : 0.75) * (0.15 + 0.85 * share)
    line(row)
  }
  if (marked === undefined) return
  context.globalAlpha = 1
  context.lineWidth = 2.5
  context.strokeStyle = color('--text')
  line(marked)
}

/** Lines that are drawn of those that are kept, and of the others: more are no longer told apart, and take their time. */
const mostLines = 2000

/** Rows that are kept, or not; of very many some, evenly chosen. */
function someRows(kept: readonly boolean[], wanted: boolean): number[] {
  const rows = kept.flatMap((isKept, row) => (isKept === wanted ? [row] : []))
  const every = Math.max(1, rows.length / mostLines)
  return every === 1 ? rows : Array.from({ length: mostLines }, (_, at) => rows[Math.floor(at * every)]!)
}
