export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/**
 * Rectangles whose areas are in proportion to `sizes` (positive, largest first) and that fill `within`, each as near to
 * a square as can be: the squarified treemap of Bruls, Huizing and van Wijk (2000),
 * https://vanwijk.win.tue.nl/stm.pdf.
 */
export function squarify(sizes: readonly number[], within: Rectangle): Rectangle[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (total <= 0 || within.width <= 0 || within.height <= 0)
    return sizes.map(() => ({ ...within, width: 0, height: 0 }))
  const scale = (within.width * within.height) / total
  const areas = sizes.map((size) => size * scale)
  const laid: Rectangle[] = []
  let free = within
  let start = 0
  while (start < areas.length) {
    const side = Math.min(free.width, free.height)
    let end = start + 1
    while (end < areas.length && worst(areas, start, end + 1, side) <= worst(areas, start, end, side)) end += 1
    const row = areas.slice(start, end)
    laid.push(...layRow(row, free))
    free = rest(row, free)
    start = end
  }
  return laid
}

/** The longest ratio of sides in a row of these areas along a side. */
function worst(areas: readonly number[], start: number, end: number, side: number): number {
  let sum = 0
  for (let place = start; place < end; place++) sum += areas[place]!
  const [largest, smallest] = [areas[start]!, areas[end - 1]!]
  return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest))
}

function layRow(row: readonly number[], free: Rectangle): Rectangle[] {
  const sum = row.reduce((total, area) => total + area, 0)
  const isUpright = free.width >= free.height
  const thickness = sum / Math.max(Number.MIN_VALUE, isUpright ? free.height : free.width)
  let offset = 0
  return row.map((area) => {
    const length = thickness === 0 ? 0 : area / thickness
    const place = isUpright
      ? { x: free.x, y: free.y + offset, width: thickness, height: length }
      : { x: free.x + offset, y: free.y, width: length, height: thickness }
    offset += length
    return place
  })
}

function rest(row: readonly number[], free: Rectangle): Rectangle {
  const sum = row.reduce((total, area) => total + area, 0)
  const { x, y, width, height } = free
  if (width >= height) {
    const taken = Math.min(width, sum / Math.max(Number.MIN_VALUE, height))
    return { x: x + taken, y, width: width - taken, height }
  }
  const taken = Math.min(height, sum / Math.max(Number.MIN_VALUE, width))
  return { x, y: y + taken, width, height: height - taken }
}
