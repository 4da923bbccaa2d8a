import { paletteSize } from './palette.ts'
import uPlot from 'uplot'
import { alignSeries, type ChartSeries } from './chart-data.ts'

/** What a plot is made of; when any of it changes but the data, a new one is made. */
export interface PlotLook {
  width: number
  height: number
  /** x are times; else ms since a beginning. */
  isTime: boolean
  /** y are bytes: their steps are powers of two. */
  isBinary: boolean
  /** There are no parts of one: y is marked at whole numbers. */
  isWhole: boolean
  /** Whether y begins at 0. */
  fromZero: boolean
  /** A line across, such as what was given. */
  limit: number | null
  /** Least and most are drawn around the mean. */
  bands: boolean
  /** Logarithmic axes: what they show is above 0. */
  log: { x: boolean; y: boolean }
  /** Charts with the same key share one crosshair. */
  syncKey: string
  formatX: (x: number) => string
  formatY: (y: number) => string
}

export interface PlotEvents {
  /** A part of x was chosen; undefined: all. */
  onRange: (range: readonly [number, number] | undefined) => void
  /** The crosshair is at a point, or nowhere. */
  onPoint: (index: number | null) => void
  /** What x has to show; undefined: all there is. */
  range: () => readonly [number, number] | undefined
}

/** Draws series into an element. Colours are those of the theme at this moment. */
export function makePlot(
  element: HTMLElement,
  series: readonly ChartSeries[],
  look: PlotLook,
  events: PlotEvents,
): uPlot {
  const style = getComputedStyle(element)
  const color = (name: string) => style.getPropertyValue(name).trim()
  const held: Held = { range: undefined }
  const options: uPlot.Options = {
    width: look.width,
    height: look.height,
    ms: 1,
    legend: { show: false },
    // To the right there is room for half of the last label of the axis.
    padding: [8, 24, 0, 0],
    scales: {
      x: {
        time: look.isTime,
        distr: look.log.x ? 3 : 1,
        range: (_, min, max) => rangeOfX(held.range ?? events.range(), min, max),
      },
      y: { distr: look.log.y ? 3 : 1, range: (_, min, max) => rangeOfY(min, max, look) },
    },
    axes: axesOf(look, color),
    series: [
      {},
      ...series.flatMap((one, place) =>
        lineOf(one, color(`--series-${(one.color ?? place) % paletteSize}`), look.bands),
      ),
    ],
    bands: look.bands ? series.map((_, place) => bandOf(place, series, color)) : [],
    cursor: {
      y: false,
      sync: { key: look.syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      bind: {
        mousedown: (plot, _target, handle) => (event) =>
          event.shiftKey ? pan(plot, event, held, events) : handle(event),
        dblclick: () => () => {
          events.onRange(undefined)
          return null
        },
      },
    },
    hooks: {
      setCursor: [(plot) => held.range ?? events.onPoint(plot.cursor.idx ?? null)],
      setSelect: [(plot) => takeSelection(plot, events)],
      draw: [(plot) => drawLimit(plot, look.limit, color('--faint'))],
    },
  }
  return new uPlot(options, alignSeries(series, look.bands), element)
}

/** Times below, values at the left. */
function axesOf(look: PlotLook, color: (name: string) => string): uPlot.Axis[] {
  const axis = {
    stroke: color('--muted'),
    font: `11px ${color('--font-sans')}`,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  }
  return [
    {
      ...axis,
      size: 28,
      space: 72,
      values: (_, splits, _axis, _space, step) =>
        splits.map((x) => (x === null ? '' : look.isTime ? formatMoment(x, step) : look.formatX(x))),
    },
    {
      ...axis,
      size: 66,
      ...(look.isBinary ? { incrs: powersOfTwo } : look.isWhole ? { incrs: wholeSteps } : {}),
      values: (_, splits) => splits.map((y) => (y === null ? '' : look.formatY(y))),
    },
  ]
}

const powersOfTwo = Array.from({ length: 60 }, (_, power) => 2 ** power)
const wholeSteps = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((first) => first * 10 ** power)).flat()
const dayMs = 86_400_000

/** A time on the axis, as exact as the steps are. */
function formatMoment(x: number, stepMs: number): string {
  const time = new Date(x)
  if (stepMs >= dayMs) return time.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
  const clock = { hour: '2-digit', minute: '2-digit', hour12: false } as const
  if (stepMs >= 60_000) return time.toLocaleTimeString(undefined, clock)
  const parts = stepMs >= 1000 ? {} : ({ fractionalSecondDigits: stepMs >= 100 ? 1 : 3 } as const)
  return time.toLocaleTimeString(undefined, { ...clock, second: '2-digit', ...parts })
}

const dashes = [[], [6, 4], [2, 3]] as const

function lineOf({ dash = 0, ghostOf }: ChartSeries, stroke: string, bands: boolean): uPlot.Series[] {
  const isGhost = ghostOf !== undefined
  const line: uPlot.Series = {
    stroke: isGhost ? thinned(stroke, 0.3) : stroke,
    width: isGhost ? 1 : 1.5,
    dash: [...(dashes[dash % dashes.length] ?? [])],
    points: { show: (plot, _i, from, to) => !isGhost && to - from < plot.width / 24 },
  }
  const edge: uPlot.Series = { stroke: 'transparent', width: 0, points: { show: false } }
  return bands ? [line, edge, edge] : [line]
}

/** Colours of the theme are written `oklch(…)`, so they are thinned by their own notation. */
const thinned = (stroke: string, alpha: number): string => stroke.replace(/\)$/, ` / ${alpha})`)

function bandOf(place: number, series: readonly ChartSeries[], color: (name: string) => string): uPlot.Band {
  const stroke = color(`--series-${(series[place]?.color ?? place) % paletteSize}`)
  return { series: [3 * place + 3, 3 * place + 2], fill: thinned(stroke, 0.18) }
}

function rangeOfX(
  asked: readonly [number, number] | undefined,
  min: number | null,
  max: number | null,
): [number, number] {
  if (asked) return [asked[0], asked[1]]
  if (min === null || max === null) return [0, 1]
  return min === max ? [min - 1000, max + 1000] : [min, max]
}

function rangeOfY(min: number | null, max: number | null, { fromZero, limit, log }: PlotLook): [number, number] {
  if (log.y) {
    const [low, high] = min === null || max === null || min <= 0 ? [0.1, 1] : [min, max]
    return low === high ? [low / 2, high * 2] : [low * 0.9, high * 1.1]
  }
  if (min === null || max === null) return [0, limit ?? 1]
  // A limit that is far away would make a flat line of everything.
  const top = limit !== null && limit > max && limit < max * 2.5 ? limit : max
  const low = fromZero ? Math.min(0, min) : min - (top - min || Math.abs(min) || 1) * 0.08
  return [low, top + (top - low || 1) * 0.08]
}

function takeSelection(plot: uPlot, { onRange }: PlotEvents): void {
  const { left, width } = plot.select
  if (width < 4) return
  onRange([plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')])
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
}

/** What of x is shown while it is moved; undefined when it is not. */
interface Held {
  range: readonly [number, number] | undefined
}

/**
 * With the shift key what is shown moves with the pointer, on all charts that share the crosshair: once for each picture
 * of the screen, and past everything else. The others hear of it at the end, when what is missing is read.
 */
function pan(plot: uPlot, start: MouseEvent, held: Held, { onRange }: PlotEvents): null {
  const { min = 0, max = 1 } = plot.scales['x'] ?? {}
  const perPx = (max - min) / plot.over.clientWidth
  const beside = plot.cursor.sync?.key === undefined ? [plot] : uPlot.sync(plot.cursor.sync.key).plots
  let frame = 0
  const draw = () => {
    frame = 0
    const [from, to] = held.range ?? [min, max]
    for (const one of beside) one.setScale('x', { min: from, max: to })
  }
  const move = (event: MouseEvent) => {
    const by = (start.clientX - event.clientX) * perPx
    held.range = [min + by, max + by]
    frame ||= requestAnimationFrame(draw)
  }
  const end = () => {
    cancelAnimationFrame(frame)
    document.removeEventListener('mousemove', move)
    document.removeEventListener('mouseup', end)
    const { range } = held
    held.range = undefined
    if (range) onRange(range)
  }
  document.addEventListener('mousemove', move)
  document.addEventListener('mouseup', end)
  start.preventDefault()
  return null
}

function drawLimit(plot: uPlot, limit: number | null, stroke: string): void {
  const { min = 0, max = 0 } = plot.scales['y'] ?? {}
  if (limit === null || limit < min || limit > max) return
  const { ctx, bbox } = plot
  const y = plot.valToPos(limit, 'y', true)
  ctx.save()
  ctx.strokeStyle = stroke
  ctx.setLineDash([6, 4])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.restore()
}
