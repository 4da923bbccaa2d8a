import { useCallback, useMemo } from 'react'
import type { ChartRange } from '../../parts/chart.tsx'
import { useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'
import type { ChartLook } from './run-curves.ts'
import type { RunAxis } from './run-points.ts'

const axes: readonly RunAxis[] = ['step', 'time', 'clock', 'epoch']

export interface ChartLookState extends ChartLook {
  hidden: ReadonlySet<string>
  /** Words that the names of metrics must have. */
  find: string
  set: (change: {
    axis?: RunAxis
    smoothing?: number
    log?: { x: boolean; y: boolean }
    range?: ChartRange
    hidden?: ReadonlySet<string>
    find?: string
  }) => void
}

/** How charts of runs are shown, as it stands in the address: `?x=time&smooth=0.6&log=y&low=0&high=100&hide=…&find=loss`. */
export function useChartLook(): ChartLookState {
  const search = useUrlSearch()
  const change = useSetUrlSearch()
  const word = (key: string) => [search[key]].flat()[0] ?? ''
  const [x, smooth, log, from, to, hide, find] = ['x', 'smooth', 'log', 'low', 'high', 'hide', 'find'].map(word)
  const set = useCallback<ChartLookState['set']>(
    (given) =>
      change({
        // Along another x the zoomed part means nothing.
        ...(given.axis !== undefined && { x: given.axis === 'step' ? '' : given.axis, low: '', high: '' }),
        ...(given.smoothing !== undefined && { smooth: given.smoothing === 0 ? '' : String(given.smoothing) }),
        ...(given.log && { log: `${given.log.x ? 'x' : ''}${given.log.y ? 'y' : ''}` }),
        ...('range' in given && { low: numeral(given.range?.[0]), high: numeral(given.range?.[1]) }),
        ...(given.hidden && { hide: [...given.hidden].join(',') }),
        ...(given.find !== undefined && { find: given.find }),
      }),
    [change],
  )
  return useMemo(() => {
    const [low, high] = [Number(from), Number(to)]
    const smoothing = Number(smooth)
    return {
      axis: axes.find((axis) => axis === x) ?? 'step',
      smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
      log: { x: log!.includes('x'), y: log!.includes('y') },
      range: from !== '' && to !== '' && high > low ? ([low, high] as const) : undefined,
      hidden: new Set(hide!.split(',').filter((id) => id !== '')),
      find: find!,
      set,
    }
  }, [x, smooth, log, from, to, hide, find, set])
}

const numeral = (number: number | undefined): string =>
  number === undefined ? '' : String(Number(number.toPrecision(12)))
