import { symmetricEigen } from './eigen.ts'
import type { Random } from './random.ts'

/**
 * The normal distribution that CMA-ES draws from, and how it learns. Names and numbers of equations are those of
 * N. Hansen, The CMA Evolution Strategy: A Tutorial (2016, arXiv:1604.00772).
 */
export interface Distribution {
  mean: Float64Array
  sigma: number
  covariance: Float64Array[]
  /** Square roots of the eigenvalues of the covariance, and its eigenvectors as columns. */
  lengths: Float64Array
  vectors: Float64Array[]
  pathC: Float64Array
  pathSigma: Float64Array
  generation: number
  /** Points of a generation: lambda. */
  population: number
  /** It has shrunk, or stretched, so far that it finds nothing more. */
  atRest: boolean
}

export interface Sample {
  at: Float64Array
  cost: number
  number: number
}

/** A sixth of the range, so that three deviations reach from the middle to the borders. */
const firstSigma = 1 / 6
const restSigma = 1e-9
const restCondition = 1e14

/** `times` the usual number of points: `4 + 3 ln n`. */
export function beginDistribution(mean: Float64Array, times: number): Distribution {
  const n = mean.length
  return {
    mean,
    sigma: firstSigma,
    covariance: identity(n),
    lengths: new Float64Array(n).fill(1),
    vectors: identity(n),
    pathC: new Float64Array(n),
    pathSigma: new Float64Array(n),
    generation: 0,
    population: times * (4 + Math.floor(3 * Math.log(Math.max(1, n)))),
    atRest: false,
  }
}

/** Draws a point: mean + sigma B D z (equations 38 to 40). */
export function place({ mean, sigma, lengths, vectors }: Distribution, random: Random): Float64Array {
  const scaled = lengths.map((length) => length * random.normal())
  return mean.map((x, row) => x + sigma * dot(vectors[row] as Float64Array, scaled))
}

/** Moves mean, paths, covariance and step size by one generation, sorted from best to worst (equations 41 to 47). */
export function learn(old: Distribution, samples: readonly Sample[]): Distribution {
  const n = old.mean.length
  if (n === 0) return old
  const { weights, muEff, cC, c1, cMu, cSigma, dSigma, chi } = constants(n, samples.length)
  const steps = samples.map(({ at }) => at.map((x, axis) => (x - (old.mean[axis] ?? 0)) / old.sigma))
  const step = weighted(
    steps,
    weights.map((weight) => Math.max(0, weight)),
  )
  const mean = old.mean.map((x, axis) => x + old.sigma * (step[axis] ?? 0))
  const whitened = whiten(old, step)
  const pull = Math.sqrt(cSigma * (2 - cSigma) * muEff)
  const pathSigma = old.pathSigma.map((x, axis) => (1 - cSigma) * x + pull * (whitened[axis] ?? 0))
  const length = Math.sqrt(dot(pathSigma, pathSigma))
  const generation = old.generation + 1
  const stalled = length / Math.sqrt(1 - (1 - cSigma) ** (2 * generation)) >= (1.4 + 2 / (n + 1)) * chi
  const pullC = stalled ? 0 : Math.sqrt(cC * (2 - cC) * muEff)
  const pathC = old.pathC.map((x, axis) => (1 - cC) * x + pullC * (step[axis] ?? 0))
  const rates = { c1, cMu, lost: stalled ? c1 * cC * (2 - cC) : 0 }
  const covariance = moveCovariance(old, { steps, weights, pathC, rates })
  const sigma = old.sigma * Math.exp(Math.min(1, (cSigma / dSigma) * (length / chi - 1)))
  return { ...old, mean, sigma, covariance, pathC, pathSigma, generation, ...axesOfCovariance(covariance, sigma) }
}

/** Table 1 of the tutorial. */
function constants(n: number, population: number) {
  const raw = Array.from({ length: population }, (_, at) => Math.log((population + 1) / 2) - Math.log(at + 1))
  const mu = Math.floor(population / 2)
  const muEff = effective(raw.slice(0, mu))
  const muEffNegative = effective(raw.slice(mu))
  const cC = (4 + muEff / n) / (n + 4 + (2 * muEff) / n)
  const c1 = 2 / ((n + 1.3) ** 2 + muEff)
  const cMu = Math.min(1 - c1, (2 * (muEff - 2 + 1 / muEff)) / ((n + 2) ** 2 + muEff))
  const cSigma = (muEff + 2) / (n + muEff + 5)
  const dSigma = 1 + 2 * Math.max(0, Math.sqrt((muEff - 1) / (n + 1)) - 1) + cSigma
  const chi = Math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  const most = Math.min(1 + c1 / cMu, 1 + (2 * muEffNegative) / (muEff + 2), (1 - c1 - cMu) / (n * cMu))
  const positive = raw.reduce((sum, weight) => sum + Math.max(0, weight), 0)
  const negative = raw.reduce((sum, weight) => sum + Math.max(0, -weight), 0)
  const weights = raw.map((weight) => (weight >= 0 ? weight / positive : (most * weight) / negative))
  return { weights, muEff, cC, c1, cMu, cSigma, dSigma, chi }
}

function effective(weights: readonly number[]): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return (sum * sum) / weights.reduce((total, weight) => total + weight * weight, 0)
}

interface Move {
  steps: Float64Array[]
  weights: readonly number[]
  pathC: Float64Array
  rates: { c1: number; cMu: number; lost: number }
}

/** Equation 47; negative steps are cut to a length that keeps the covariance positive (equation 46). */
function moveCovariance(old: Distribution, { steps, weights, pathC, rates }: Move): Float64Array[] {
  const n = old.mean.length
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const kept = 1 + rates.lost - rates.c1 - rates.cMu * sum
  const scaled = weights.map((weight, at) => {
    if (weight >= 0) return weight
    const white = whiten(old, steps[at] as Float64Array)
    return (weight * n) / (dot(white, white) + 1e-12)
  })
  return old.covariance.map((row, i) =>
    row.map((x, j) => {
      const byMembers = steps.reduce((total, y, at) => total + (scaled[at] ?? 0) * (y[i] ?? 0) * (y[j] ?? 0), 0)
      return kept * x + rates.c1 * (pathC[i] ?? 0) * (pathC[j] ?? 0) + rates.cMu * byMembers
    }),
  )
}

function axesOfCovariance(covariance: Float64Array[], sigma: number) {
  const { values, vectors } = symmetricEigen(covariance)
  const lengths = values.map((value) => Math.sqrt(Math.max(value, 1e-24)))
  const longest = Math.max(...lengths)
  const shortest = Math.min(...lengths)
  const atRest = !(sigma * longest > restSigma) || !((longest / shortest) ** 2 < restCondition)
  return { lengths, vectors, atRest }
}

/** C^(-1/2) of a step: B D^-1 B^T. */
function whiten({ lengths, vectors }: Distribution, step: Float64Array): Float64Array {
  const inAxes = lengths.map((length, axis) => {
    const along = vectors.reduce((sum, row, at) => sum + (row[axis] ?? 0) * (step[at] ?? 0), 0)
    return along / length
  })
  return step.map((_, row) => dot(vectors[row] as Float64Array, inAxes))
}

function weighted(steps: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const sum = new Float64Array(steps[0]?.length ?? 0)
  steps.forEach((step, at) => {
    for (let axis = 0; axis < sum.length; axis++) sum[axis] = (sum[axis] ?? 0) + (weights[at] ?? 0) * (step[axis] ?? 0)
  })
  return sum
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

function identity(n: number): Float64Array[] {
  return Array.from({ length: n }, (_, row) => Float64Array.from({ length: n }, (_unused, at) => (row === at ? 1 : 0)))
}
