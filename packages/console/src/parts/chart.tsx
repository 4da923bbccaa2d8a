import { useComputedColorScheme } from '@mantine/core'
import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import type uPlot from 'uplot'
import { aboveZero, alignSeries, type ChartSeries, summarize, thinOut } from './chart-data.ts'
import { csvOfSeries } from './chart-csv.ts'
import { saveFile, savePicture } from './chart-picture.ts'
import { makePlot } from './chart-plot.ts'
import { paletteSize } from './palette.ts'
import { formatBytes, formatMemory, formatDuration, formatTime } from './format.ts'
import 'uplot/dist/uPlot.min.css'
import './chart.css'

export type { ChartSeries } from './chart-data.ts'

/** What of x is shown; undefined: all there is. */
export type ChartRange = readonly [number, number] | undefined

export interface ChartProps {
  title: string
  /** One of `MetricUnit` is written as people read it; any other word stands as it is. */
  unit: string | null
  series: readonly ChartSeries[]
  /** What was given, drawn as a dashed line. */
  limit?: number | null
  range: ChartRange
  /** Called when a part of x is chosen by dragging; with undefined on a double click. */
  onRange: (range: ChartRange) => void
  /** Charts with the same key share one crosshair. */
  syncKey: string
  /** Series that are not shown, by their ids; shared by the charts of a page. */
  hidden?: ReadonlySet<string>
  onHidden?: (hidden: ReadonlySet<string>) => void
  /** x are ms since a beginning, and not times. */
  elapsed?: boolean
  /** x are neither: how one is written. */
  formatX?: (x: number) => string
  /** Axes that are logarithmic. */
  log?: { x: boolean; y: boolean }
  /** Whether y begins at 0. */
  fromZero?: boolean
  height?: number
  /** Names in the legend at most; the others are counted. */
  mostNamed?: number
  /** What the file has that is saved as CSV; the lines that are shown, if left out. */
  csv?: (shown: readonly ChartSeries[]) => string
  /** Beside the title. */
  actions?: ReactNode
}

const linear = { x: false, y: false }

/**
 * Lines over time. Dragging zooms, with the shift key it moves; a double click shows all. With the keyboard: arrows move,
 * `+` and `-` zoom, `0` shows all. The legend is also the filter. The same is there as a table.
 */
export function Chart(props: ChartProps): ReactNode {
  const { title, hidden = new Set(), unit, range, onRange, log = linear } = props
  const figure = useRef<HTMLElement>(null)
  const [isTable, setTable] = useState(false)
  const [point, setPoint] = useState<number | null>(null)
  const series = useMemo(() => aboveZero(props.series, log), [props.series, log.x, log.y])
  const shown = useMemo(() => series.filter(({ id, ghostOf }) => !hidden.has(ghostOf ?? id)), [series, hidden])
  const formatX = formatterOfX(props)
  const aligned = useMemo(() => alignSeries(shown, false), [shown])
  const x = point === null ? undefined : aligned[0][point]
  const onKeyDown = (event: KeyboardEvent) => {
    const next = rangeByKey(event.key, range ?? extentOf(aligned[0]))
    if (next === null) return
    event.preventDefault()
    onRange(next === 'all' ? undefined : next)
  }
  return (
    <figure ref={figure} className="panel chart" aria-label={title}>
      <figcaption className="chart-title">
        <h2 className="ellipsis" title={title} dir="auto">
          {title}
        </h2>
        <span className="faint number chart-at">{x === undefined ? unit : formatX(x)}</span>
        <div className="grow" />
        {props.actions}
        <SaveButtons {...props} series={shown} figure={figure} isTable={isTable} />
        <button type="button" className="chart-table-button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </figcaption>
      {isTable ? (
        <ChartTable {...props} series={series} />
      ) : (
        <div className="chart-plot" role="group" tabIndex={0} aria-label={`${title}: lines`} onKeyDown={onKeyDown}>
          <Plot {...props} series={shown} onPoint={setPoint} />
        </div>
      )}
      <Legend {...props} series={series} value={(one) => legendValue(one, shown, aligned, point, unit)} />
    </figure>
  )
}

function SaveButtons(props: ChartProps & { figure: RefObject<HTMLElement | null>; isTable: boolean }): ReactNode {
  const { title, series, figure, isTable, csv } = props
  const isTime = !props.elapsed && !props.formatX
  const saveCsv = () => {
    const text = csv ? csv(series) : csvOfSeries(series, isTime)
    saveFile(new Blob([text], { type: 'text/csv;charset=utf-8' }), title, 'csv')
  }
  const button = 'chart-table-button chart-seldom'
  return (
    <>
      {!isTable && (
        <button
          type="button"
          className={button}
          onClick={() => figure.current && void savePicture(figure.current, title)}
        >
          PNG
        </button>
      )}
      <button type="button" className={button} onClick={saveCsv}>
        CSV
      </button>
    </>
  )
}

function Legend(props: ChartProps & { value: (one: ChartSeries) => string }): ReactNode {
  const { series, hidden = new Set(), onHidden, mostNamed = Number.POSITIVE_INFINITY } = props
  const lines = series.filter(({ ghostOf }) => ghostOf === undefined)
  const toggle = (id: string) =>
    onHidden?.(new Set(hidden.has(id) ? [...hidden].filter((one) => one !== id) : [...hidden, id]))
  return (
    <ul className="chart-legend">
      {lines.slice(0, mostNamed).map((one, place) => (
        <li key={one.id}>
          <button type="button" aria-pressed={!hidden.has(one.id)} onClick={() => toggle(one.id)} disabled={!onHidden}>
            <span
              className={`chart-mark chart-dash-${one.dash ?? 0} chart-color-${(one.color ?? place) % paletteSize}`}
              aria-hidden="true"
            />
            <span className="ellipsis" dir="auto">
              {one.label}
            </span>
            <span className="number">{props.value(one)}</span>
          </button>
        </li>
      ))}
      {lines.length > mostNamed && <li className="faint chart-others">and {lines.length - mostNamed} more</li>}
    </ul>
  )
}

const formatterOfX = ({ formatX, elapsed = false }: ChartProps): ((x: number) => string) =>
  formatX ?? (elapsed ? formatDuration : formatTime)

/** Units of which there are no parts. */
const wholeUnits = new Set(['bytes/s', 'requests', 'ready'])

/** A value with its unit, as short as it can be read. */
export function formatValue(value: number, unit: string | null): string {
  if (unit === 'bytes') return formatMemory(value)
  if (unit === 'bytes/s') return `${formatBytes(value)}/s`
  const text = formatNumber(value)
  if (unit === 'percent') return `${text} %`
  if (unit === 'watts') return `${text} W`
  if (unit === 'celsius') return `${text} °C`
  return text
}

/** A number in about three digits, whatever its size: `0.0312`, `4,210`, `1.2e-7`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e7 || (size > 0 && size < 1e-4)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e')
  return size >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

function legendValue(
  one: ChartSeries,
  shown: readonly ChartSeries[],
  [, ...columns]: ReturnType<typeof alignSeries>,
  point: number | null,
  unit: string | null,
): string {
  const column = columns[shown.indexOf(one)]
  if (!column) return ''
  const value = point === null ? column.findLast((value) => typeof value === 'number') : column[point]
  return typeof value === 'number' ? formatValue(value, unit) : '–'
}

function Plot(props: ChartProps & { onPoint: (index: number | null) => void }): ReactNode {
  const { series, unit, limit = null, elapsed = false, fromZero = true, height = 180, syncKey, range } = props
  const { log = linear } = props
  const isTime = !elapsed && !props.formatX
  const element = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  const width = useWidth(element)
  const scheme = useComputedColorScheme('light')
  const bands = series.length <= 2 && series.every(({ ghostOf }) => ghostOf === undefined)
  const lines = series.map(({ id, color, dash }) => `${id} ${color ?? ''} ${dash ?? ''}`).join('|')
  useLayoutEffect(() => {
    if (!element.current || width === 0) return
    const formatX = formatterOfX(latest.current)
    const formatY = (y: number) => formatValue(y, unit)
    const isBinary = unit === 'bytes'
    const isWhole = unit !== null && wholeUnits.has(unit)
    const look = { isBinary, isWhole, width, height, isTime, fromZero, limit, bands, log, syncKey, formatX, formatY }
    const made = makePlot(element.current, latest.current.series, look, {
      onRange: (next) => latest.current.onRange(next),
      onPoint: (index) => latest.current.onPoint(index),
      range: () => latest.current.range,
    })
    plot.current = made
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [width, height, isTime, fromZero, limit, bands, syncKey, unit, lines, scheme, log.x, log.y])
  useEffect(() => {
    plot.current?.setData(alignSeries(series, bands))
  }, [series, bands, range?.[0], range?.[1]])
  return <div ref={element} style={{ height }} />
}

function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    const { current } = element
    if (!current) return
    const look = () => setWidth(current.clientWidth)
    look()
    const observer = new ResizeObserver(look)
    observer.observe(current)
    return () => observer.disconnect()
  }, [element])
  return width
}

const extentOf = (times: readonly number[]): readonly [number, number] => [times[0] ?? 0, times.at(-1) ?? 1]

/** The range that a key asks for; null: none. */
function rangeByKey(key: string, [from, to]: readonly [number, number]): readonly [number, number] | 'all' | null {
  const width = to - from
  if (key === '0') return 'all'
  if (key === 'ArrowLeft') return [from - width / 4, to - width / 4]
  if (key === 'ArrowRight') return [from + width / 4, to + width / 4]
  if (key === '+' || key === '=') return [from + width / 4, to - width / 4]
  if (key === '-') return [from - width / 2, to + width / 2]
  return null
}

/** Points of one series in the table: more are not read by anybody. */
const tableRows = 40

function ChartTable(props: ChartProps): ReactNode {
  const { title, unit, height = 180 } = props
  const series = props.series.filter(({ ghostOf }) => ghostOf === undefined)
  const formatX = formatterOfX(props)
  return (
    <div className="chart-table" tabIndex={0} role="region" aria-label={`${title}: table`} style={{ height }}>
      <table>
        <thead>
          <tr>
            {['Series', 'Last', 'Least', 'Mean', 'Most'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.map(({ id, label, points }) => {
            const found = summarize(points)
            return (
              <tr key={id}>
                <th scope="row">{label}</th>
                {(['last', 'min', 'avg', 'max'] as const).map((name) => (
                  <td key={name}>{found ? formatValue(found[name], unit) : '–'}</td>
                ))}
              </tr>
            )
          })}
          {series.flatMap(({ id, label, points }) =>
            thinOut(points, tableRows).map(([x, min, avg, max]) => (
              <tr key={`${id} ${x}`}>
                <th scope="row">
                  {label}, {formatX(x)}
                </th>
                <td />
                {[min, avg, max].map((value, place) => (
                  <td key={place}>{value === null ? 'gap' : formatValue(value, unit)}</td>
                ))}
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  )
}
