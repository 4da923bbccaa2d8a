import { type KeyboardEvent, type ReactNode, useMemo, useState } from 'react'
import { type Drawing, useCanvas } from './canvas.ts'
import { paletteSize } from './palette.ts'
import { nearest, type ScatterPoint } from './scatter-points.ts'
import type { ValueAxis } from './value-axis.ts'
import './scatter-plot.css'

export interface ScatterProps {
  /** What is shown, for those who hear the page: `loss over lr`. */
  label: string
  x: { label: string; axis: ValueAxis }
  y: { label: string; axis: ValueAxis }
  points: readonly ScatterPoint[]
  /** What is said of a point that one is at. */
  describe: (point: ScatterPoint) => ReactNode
  onOpen: (point: ScatterPoint) => void
  /** Places that a line goes through, step by step from left to right: the best so far, the front. */
  line?: readonly { x: number; y: number }[]
  /** Shades below the points, rows from the low end of y: 0 is faint, 1 is strong, null is nothing. */
  shades?: readonly (readonly (number | null)[])[]
  height?: number
}

const [left, right, top, bottom] = [64, 16, 24, 40]

/** Points by two values each. The one next to the pointer is told of, and opened by a click; arrow keys go through all. */
export function ScatterPlot(props: ScatterProps): ReactNode {
  const { points, x, y, height = 420, onOpen, label, line, shades } = props
  const [current, setCurrent] = useState<number>()
  const at = current === undefined ? undefined : points[current]
  const { canvas, width } = useCanvas(height, (drawing) => draw(drawing, props), [points, x, y, line, shades])
  const order = useMemo(() => points.map((_, place) => place).sort((a, b) => points[a]!.x - points[b]!.x), [points])
  const px = (point: ScatterPoint) => [placeX(point.x, width), placeY(point.y, height)] as const
  const find = (event: { clientX: number; clientY: number; currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect()
    return nearest(points, [event.clientX - box.left, event.clientY - box.top], px)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && at) return onOpen(at)
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined || order.length === 0) return
    event.preventDefault()
    const next = current === undefined ? 0 : (order.indexOf(current) + by + order.length) % order.length
    setCurrent(order[next])
  }
  return (
    <div
      className="scatter"
      style={{ height }}
      role="application"
      aria-label={`${label}: arrow keys go through the points, enter opens one`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerMove={(event) => setCurrent(find(event))}
      onPointerLeave={() => setCurrent(undefined)}
      onClick={(event) => {
        const found = find(event)
        if (found !== undefined) onOpen(points[found]!)
      }}
    >
      <canvas ref={canvas} aria-hidden="true" />
      {at && <span className="scatter-at" style={{ left: px(at)[0], top: px(at)[1] }} />}
      <div className="scatter-tip" aria-live="polite" style={at && tipPlace(px(at), width)} hidden={!at}>
        {at && props.describe(at)}
      </div>
    </div>
  )
}

/** Points at the ends of an axis do not stand on the edge. */
const inset = (place: number): number => 0.03 + 0.94 * place
const placeX = (place: number, width: number): number => left + inset(place) * (width - left - right)
const placeY = (place: number, height: number): number => top + (1 - inset(place)) * (height - top - bottom)

function tipPlace([x, y]: readonly [number, number], width: number): { left?: number; right?: number; top: number } {
  return x > width / 2 ? { right: width - x + 12, top: y } : { left: x + 12, top: y }
}

function draw(drawing: Drawing, props: ScatterProps): void {
  const { context, width, height, color } = drawing
  const { x, y, points, line, shades } = props
  if (shades) drawShades(drawing, shades)
  context.font = `11px ${color('--font-sans')}`
  context.strokeStyle = color('--line')
  context.fillStyle = color('--muted')
  context.textAlign = 'right'
  context.textBaseline = 'middle'
  for (const tick of y.axis.ticks) {
    const level = placeY(tick.place, height)
    stroke(context, [left, level], [width - right, level])
    context.fillText(tick.label.slice(0, 9), left - 8, level)
  }
  context.textAlign = 'center'
  context.textBaseline = 'top'
  for (const tick of x.axis.ticks) {
    const level = placeX(tick.place, width)
    stroke(context, [level, top], [level, height - bottom])
    context.fillText(tick.label.slice(0, 14), level, height - bottom + 6)
  }
  context.fillStyle = color('--text')
  context.fillText(x.label, left + (width - left - right) / 2, height - 16)
  context.textAlign = 'left'
  context.fillText(y.label, 0, 0)
  drawPoints(drawing, points)
  if (line) drawSteps(drawing, line)
}

function drawPoints({ context, width, height, color }: Drawing, points: readonly ScatterPoint[]): void {
  const isMany = points.length > 400
  const colors = Array.from({ length: paletteSize }, (_, place) => color(`--series-${place}`))
  context.globalAlpha = isMany ? 0.5 : 0.85
  for (const point of points) {
    context.fillStyle = colors[point.color] ?? ''
    context.beginPath()
    context.arc(placeX(point.x, width), placeY(point.y, height), isMany ? 3 : 4.5, 0, 2 * Math.PI)
    context.fill()
  }
  context.globalAlpha = 1
}

/** As far as the next place it stays level, then it goes up or down. */
function drawSteps({ context, width, height, color }: Drawing, line: readonly { x: number; y: number }[]): void {
  context.strokeStyle = color('--accent')
  context.lineWidth = 1.6
  context.beginPath()
  for (const [index, place] of line.entries()) {
    const [left, level] = [placeX(place.x, width), placeY(place.y, height)]
    if (index === 0) context.moveTo(left, level)
    else {
      context.lineTo(left, placeY(line[index - 1]!.y, height))
      context.lineTo(left, level)
    }
  }
  context.stroke()
}

function drawShades({ context, width, height, color }: Drawing, shades: NonNullable<ScatterProps['shades']>): void {
  context.fillStyle = color('--accent')
  for (const [row, cells] of shades.entries()) {
    const [low, high] = [row, row + 1].map((at) => placeY(at / shades.length, height)) as [number, number]
    for (const [column, shade] of cells.entries()) {
      if (shade === null) continue
      const [from, to] = [column, column + 1].map((at) => placeX(at / cells.length, width)) as [number, number]
      context.globalAlpha = 0.04 + 0.66 * shade
      // Whole pixels, so that no light shines through between cells.
      context.fillRect(
        Math.round(from),
        Math.round(high),
        Math.round(to) - Math.round(from),
        Math.round(low) - Math.round(high),
      )
    }
  }
  context.globalAlpha = 1
}

function stroke(context: CanvasRenderingContext2D, from: readonly [number, number], to: readonly [number, number]) {
  context.beginPath()
  context.moveTo(...from)
  context.lineTo(...to)
  context.stroke()
}
