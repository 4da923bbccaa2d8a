/**
 * How likely two samples of the same thing differ by as much as these, either way: 1 where they look alike, near 0 where
 * they do not. The test of Mann and Whitney (https://doi.org/10.1214/aoms/1177730491) with its normal approximation,
 * which is good from eight values each; values that are equal share their rank.
 */
export function chanceOfRanks(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b].toSorted((x, y) => x - y)
  const rankOf = (value: number) => (all.indexOf(value) + all.lastIndexOf(value)) / 2 + 1
  const u = a.reduce((sum, value) => sum + rankOf(value), 0) - (a.length * (a.length + 1)) / 2
  const mean = (a.length * b.length) / 2
  const tied = [...new Set(all)].reduce((sum, value) => {
    const count = all.lastIndexOf(value) - all.indexOf(value) + 1
    return sum + (count ** 3 - count)
  }, 0)
  const count = all.length
  const deviation = Math.sqrt((mean / 6) * (count + 1 - tied / (count * (count - 1))))
  if (deviation === 0) return 1
  return 2 * tail(Math.max(0, Math.abs(u - mean) - 0.5) / deviation)
}

/** How much of the normal distribution is above `z`, to 1e-7: Abramowitz and Stegun, 26.2.17. */
function tail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const weights = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429]
  const sum = weights.reduce((total, weight, at) => total + weight * t ** (at + 1), 0)
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum
}
