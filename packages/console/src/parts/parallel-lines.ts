import type { Drawing } from './canvas.ts'
import type { AxisValue, ValueAxis } from './value-axis.ts'

export interface ParallelAxis {
  id: string
  label: string
  axis: ValueAxis
  /** One for each row. */
  values: readonly AxisValue[]
}

/** Room around the axes, in px. */
export const [top, bottom, side] = [44, 12, 56]

export const axisX = (place: number, count: number, width: number): number =>
  count === 1 ? width / 2 : side + (place * (width - 2 * side)) / (count - 1)

/** Where a row crosses the axes, in px; undefined where it has no value, and its line a gap. */
export function crossings(
  axes: readonly ParallelAxis[],
  row: number,
  { width, height }: Pick<Drawing, 'width' | 'height'>,
): ([x: number, y: number] | undefined)[] {
  return axes.map(({ axis, values }, index) => {
    const place = axis.place(values[row])
    if (place === undefined) return undefined
    return [axisX(index, axes.length, width), top + (height - top - bottom) * (1 - place)]
  })
}

export interface LinesLook {
  axes: readonly ParallelAxis[]
  rows: readonly number[]
  /** The axis that gives each line its share of the colour; undefined: all have the same. */
  colorBy: ParallelAxis | undefined
  /** A variable of the theme. */
  color: string
  /** 0 to 1, of a line with the whole colour. */
  alpha: number
  lineWidth: number
}

/**
 * Draws rows as lines. With `gradually`, some at once and the others in the frames after it, until what it returns is
 * called: a frame of thousands of lines comes too late while somebody drags.
 */
export function drawLines(drawing: Drawing, look: LinesLook, gradually: boolean): () => void {
  const { context } = drawing
  const rows = someRows(look.rows)
  const linesAtOnce = gradually ? Math.ceil(segmentsPerFrame / Math.max(1, look.axes.length - 1)) : rows.length
  context.strokeStyle = drawing.color(look.color)
  context.lineWidth = look.lineWidth
  let drawn = 0
  let frame = 0
  const drawSome = () => {
    for (const row of rows.slice(drawn, drawn + linesAtOnce)) drawLine(drawing, look, row)
    drawn += linesAtOnce
    if (drawn < rows.length) frame = requestAnimationFrame(drawSome)
  }
  drawSome()
  return () => cancelAnimationFrame(frame)
}

function drawLine(drawing: Drawing, { axes, colorBy, alpha }: LinesLook, row: number): void {
  const { context } = drawing
  const share = colorBy ? (colorBy.axis.place(colorBy.values[row]) ?? 0) : 1
  context.globalAlpha = alpha * (0.15 + 0.85 * share)
  context.beginPath()
  let isOn = false
  for (const point of crossings(axes, row, drawing)) {
    if (point) context[isOn ? 'lineTo' : 'moveTo'](point[0], point[1])
    isOn = point !== undefined
  }
  context.stroke()
}

/** Lines between two axes that a processor without a GPU draws within a frame, with time to spare for the rest. */
const segmentsPerFrame = 900
/** Lines that are drawn at most: more are no longer told apart. */
const mostLines = 2000
/** The golden section: those of its multiples that lie below any bound, less their whole parts, are evenly spread. */
const golden = (Math.sqrt(5) - 1) / 2

/** Rows that are drawn, of very many some: any number of the first ones are evenly chosen of all. */
function someRows(rows: readonly number[]): number[] {
  const count = Math.min(rows.length, mostLines)
  const every = rows.length / Math.max(1, count)
  const order = Array.from({ length: count }, (_, at) => [(at * golden) % 1, at] as const)
  return order.sort(([one], [other]) => one - other).map(([, at]) => rows[Math.floor(at * every)]!)
}
