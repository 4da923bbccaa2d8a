import { endsOf, placeOf } from '@nabla/api/sweep-views'
import type { Parameter, ParameterValue } from '@nabla/api/search-space'
import { formatNumber } from '../../parts/chart.tsx'
import { type AxisValue, makeAxis, type ValueAxis } from '../../parts/value-axis.ts'

/** Choices at an axis that get a label; of more, some are left out. */
const mostLabels = 12

/** The axis of a parameter: its whole range, as it is searched. */
export function axisOfParameter(one: Parameter): ValueAxis {
  if (one.type === 'choice') return axisOfChoice(one.values)
  const ends = one.type === 'normal' ? endsOf(one, String).map(Number) : [one.low, one.high]
  const axis = makeAxis(ends, formatNumber, one.log)
  return { ...axis, place: (value) => (typeof value === 'number' ? placeOf(one, value) : undefined) }
}

function axisOfChoice(values: readonly ParameterValue[]): ValueAxis {
  const places = new Map(
    values.map((value, at) => [String(value), values.length === 1 ? 0.5 : at / (values.length - 1)]),
  )
  const every = Math.ceil(values.length / mostLabels)
  return {
    place: (value) => (value === undefined ? undefined : places.get(String(value))),
    textAt: (place) => String(values[Math.round(place * (values.length - 1))]),
    ticks: values.flatMap((value, at) =>
      at % every === 0 ? [{ place: places.get(String(value)) ?? 0, label: String(value) }] : [],
    ),
  }
}

/** A value of a parameter as axes take it. */
export function axisValue(value: ParameterValue | undefined): AxisValue {
  return value === undefined || typeof value === 'number' ? value : String(value)
}
