const bars = '▁▂▃▄▅▆▇█'

/**
 * Values as a row of bars, from 0 to `most`: the highest of those that fall on one column, so that no peak is lost.
 * `null` is a gap, and a blank.
 */
export function sparkline(values: readonly (number | null)[], width: number, most: number): string {
  const columns = Math.min(width, values.length)
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns)
    const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns))
    const here = values.slice(from, to).filter((value) => value !== null)
    if (here.length === 0) return ' '
    const share = most > 0 ? Math.max(...here) / most : 0
    return bars[Math.min(bars.length - 1, Math.max(0, Math.ceil(share * bars.length) - 1))]
  }).join('')
}

/** The columns that may be filled out of `width`, as in `██████····`. */
export function gauge(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(filled) + '·'.repeat(width - filled)
}
