/** What stands at a place of an axis: a number, a word, or nothing. */
export type AxisValue = number | string | undefined

/** Where values stand along a line from 0 to 1. */
export interface ValueAxis {
  /** Undefined where there is no value, or it has no place: infinity, and what is not above 0 on a logarithmic axis. */
  place: (value: AxisValue) => number | undefined
  /** What stands at a place, as text. */
  textAt: (place: number) => string
  ticks: readonly { place: number; label: string }[]
}

/** From so many times the least number on, and if all are above 0, an axis is logarithmic by itself. */
const wide = 100
/** Words at an axis that get a label; of more, some are left out. */
const mostLabels = 12

/**
 * Makes the axis that these values ask for: one of numbers if all of them are, logarithmic if they are far apart, else
 * one of words, in order. `format` writes a number.
 */
export function makeAxis(values: readonly AxisValue[], format: (value: number) => string, isLog?: boolean): ValueAxis {
  const present = values.filter((value) => value !== undefined)
  const numbers = present.filter((value) => typeof value === 'number' && Number.isFinite(value)) as number[]
  if (numbers.length === 0 || present.some((value) => typeof value === 'string')) return wordAxis(present)
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const number of numbers) {
    low = Math.min(low, number)
    high = Math.max(high, number)
  }
  return (isLog ?? (low > 0 && high / low >= wide)) && high > 0
    ? logAxis(low > 0 ? low : least(numbers), high, format)
    : linearAxis(low, high, format)
}

const least = (numbers: readonly number[]): number =>
  numbers.reduce((low, number) => (number > 0 && number < low ? number : low), Number.POSITIVE_INFINITY)

function linearAxis(low: number, high: number, format: (value: number) => string): ValueAxis {
  const width = high - low
  if (width === 0) {
    return {
      place: (value) => (typeof value === 'number' ? 0.5 : undefined),
      textAt: () => format(low),
      ticks: [{ place: 0.5, label: format(low) }],
    }
  }
  const step = niceStep(width / 6)
  const first = Math.ceil(low / step)
  const ticks = Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => (first + index) * step)
  return {
    place: (value) => (typeof value === 'number' && Number.isFinite(value) ? (value - low) / width : undefined),
    textAt: (place) => format(low + place * width),
    ticks: ticks.map((tick) => ({ place: (tick - low) / width, label: format(Number(tick.toPrecision(10))) })),
  }
}

function logAxis(low: number, high: number, format: (value: number) => string): ValueAxis {
  const [from, to] = [Math.log10(low), Math.log10(high)]
  const width = to - from || 1
  const decades = Math.max(0, Math.floor(to + 1e-9) - Math.ceil(from - 1e-9) + 1)
  const every = Math.max(1, Math.ceil(decades / 6))
  const powers = Array.from({ length: decades }, (_, index) => Math.ceil(from - 1e-9) + index)
  const ticks =
    decades >= 2 ? powers.filter((_, index) => index % every === 0).map((power) => 10 ** power) : [low, high]
  return {
    place: (value) =>
      typeof value === 'number' && value > 0 && value !== Infinity ? (Math.log10(value) - from) / width : undefined,
    textAt: (place) => format(10 ** (from + place * width)),
    ticks: ticks.map((tick) => ({ place: (Math.log10(tick) - from) / width, label: format(tick) })),
  }
}

function wordAxis(present: readonly AxisValue[]): ValueAxis {
  const words = [...new Set(present.map(String))].sort((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  )
  const places = new Map(words.map((word, index) => [word, words.length === 1 ? 0.5 : index / (words.length - 1)]))
  const every = Math.ceil(words.length / mostLabels)
  return {
    place: (value) => (value === undefined ? undefined : places.get(String(value))),
    textAt: (place) => words[Math.round(place * (words.length - 1))] ?? '',
    ticks: words.flatMap((word, index) => (index % every === 0 ? [{ place: places.get(word)!, label: word }] : [])),
  }
}

/** 1, 2 or 5 times a power of ten, at least as much as asked. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const times = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10
  return times * power
}
