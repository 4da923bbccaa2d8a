/**
 * Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's method (Golub, Van Loan: Matrix Computations, 8.5).
 * `matrix` is n rows of n; it is not changed. Vector k is column k of `vectors`.
 */
export function symmetricEigen(matrix: readonly Float64Array[]): { values: Float64Array; vectors: Float64Array[] } {
  const n = matrix.length
  const a = matrix.map((row) => Float64Array.from(row))
  const vectors = a.map((_, row) => Float64Array.from({ length: n }, (_unused, column) => (row === column ? 1 : 0)))
  for (let sweep = 0; sweep < 50 && offDiagonal(a) > 1e-22 * diagonal(a); sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, p, q)
  return { values: Float64Array.from(a, (row, at) => row[at] ?? 0), vectors }
}

function offDiagonal(a: readonly Float64Array[]): number {
  return a.reduce((sum, row, at) => sum + row.reduce((all, x, column) => (column > at ? all + x * x : all), 0), 0)
}

function diagonal(a: readonly Float64Array[]): number {
  return a.reduce((sum, row, at) => sum + (row[at] ?? 0) ** 2, 0)
}

/** Makes element p, q zero. */
function rotate(a: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  const rowP = a[p] as Float64Array
  const rowQ = a[q] as Float64Array
  const apq = rowP[q] ?? 0
  if (apq === 0) return
  const theta = ((rowQ[q] ?? 0) - (rowP[p] ?? 0)) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const cosine = 1 / Math.sqrt(t * t + 1)
  const sine = t * cosine
  for (const row of a) turn(row, p, q, cosine, sine)
  for (let column = 0; column < a.length; column++) {
    const x = rowP[column] ?? 0
    const y = rowQ[column] ?? 0
    rowP[column] = cosine * x - sine * y
    rowQ[column] = sine * x + cosine * y
  }
  for (const row of vectors) turn(row, p, q, cosine, sine)
}

function turn(row: Float64Array, p: number, q: number, cosine: number, sine: number): void {
  const x = row[p] ?? 0
  const y = row[q] ?? 0
  row[p] = cosine * x - sine * y
  row[q] = sine * x + cosine * y
}
