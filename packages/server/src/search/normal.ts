/** The normal distribution, and what is left of it between two bounds. */

const sqrt2 = Math.SQRT2
const logSqrt2Pi = 0.5 * Math.log(2 * Math.PI)

/** Share of the standard normal distribution below `z`. */
export function normalBelow(z: number): number {
  return z < 0 ? 0.5 * complementaryError(-z / sqrt2) : 1 - 0.5 * complementaryError(z / sqrt2)
}

/** Logarithm of the density of the standard normal distribution. */
export function logDensity(z: number): number {
  return -0.5 * z * z - logSqrt2Pi
}

/** Share of it between `from` and `to`, counted in the tail that is nearer, where numbers are fine enough. */
export function massBetween(from: number, to: number): number {
  if (from > 0) return massBetween(-to, -from)
  return normalBelow(to) - normalBelow(from)
}

/**
 * The place below which the share `p` of the standard normal distribution lies. Acklam's rational approximation (2003,
 * relative error 1.15e-9), refined by one step of Halley's method.
 */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity
  if (p >= 1) return Infinity
  const z = acklam(p)
  const error = (normalBelow(z) - p) * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2)
  return Number.isFinite(error) ? z - error / (1 + (z * error) / 2) : z
}

/** A draw from the standard normal distribution between two bounds, by inversion of `uniform`, in [0, 1). */
export function truncatedNormal(from: number, to: number, uniform: number): number {
  // In the upper tail 1 - p has lost all its digits: the mirror image has them.
  if (from > 0) return -truncatedNormal(-to, -from, 1 - uniform)
  const low = normalBelow(from)
  const drawn = normalQuantile(low + uniform * (normalBelow(to) - low))
  return Math.min(to, Math.max(from, drawn))
}

/**
 * erfc(x) for x >= 0: Chebyshev fit with fractional error below 1.2e-7 everywhere is not enough for tails that are
 * subtracted from each other, so: the series near 0 and the continued fraction of Laplace further out (DLMF 7.6.1, 7.9.1).
 */
function complementaryError(x: number): number {
  if (x < 2.5) return 1 - errorSeries(x)
  if (x > 27) return 0
  let fraction = 0
  for (let term = 60; term > 0; term--) fraction = term / 2 / (x + fraction)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
}

function errorSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const centre = {
  above: [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
  ],
  below: [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
}
const tail = {
  above: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ],
  below: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
}

function acklam(p: number): number {
  if (p > 0.5) return -acklam(1 - p)
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return polynomial(tail.above, q) / polynomial(tail.below, q)
  }
  const q = p - 0.5
  return (polynomial(centre.above, q * q) * q) / polynomial(centre.below, q * q)
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0)
}
