/** One line of a comparison of two texts. */
export interface DiffLine {
  /** Whether it is in the first text only, in the second only, or in both. */
  in: 'first' | 'second' | 'both'
  text: string
  first?: number
  second?: number
}

/** Differences beyond this many lines are not looked for: the texts are then shown as all different. */
const mostChanges = 2000

/**
 * The lines of two texts as few changes as possible: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations",
 * Algorithmica 1, 1986. Undefined when more than `mostChanges` lines differ.
 */
export function diffLines(first: readonly string[], second: readonly string[]): DiffLine[] | undefined {
  let begin = 0
  while (begin < first.length && begin < second.length && first[begin] === second[begin]) begin += 1
  let end = 0
  while (end < first.length - begin && end < second.length - begin && first.at(-1 - end) === second.at(-1 - end))
    end += 1
  const middle = changesOf(first.slice(begin, first.length - end), second.slice(begin, second.length - end), begin)
  if (!middle) return undefined
  const both = (from: number, to: number, shift: number) =>
    first
      .slice(from, to)
      .map((text, place): DiffLine => ({ in: 'both', text, first: from + place + 1, second: from + place + shift + 1 }))
  return [...both(0, begin, 0), ...middle, ...both(first.length - end, first.length, second.length - first.length)]
}

function changesOf(first: readonly string[], second: readonly string[], shift: number): DiffLine[] | undefined {
  const most = Math.min(first.length + second.length, mostChanges)
  const reached = new Int32Array(2 * most + 3)
  const centre = most + 1
  const steps: Int32Array[] = []
  for (let changes = 0; changes <= most; changes++) {
    steps.push(reached.slice())
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const down = isDown(reached, centre, diagonal, changes)
      let x = down ? reached[centre + diagonal + 1]! : reached[centre + diagonal - 1]! + 1
      while (x < first.length && x - diagonal < second.length && first[x] === second[x - diagonal]) x += 1
      reached[centre + diagonal] = x
      if (x >= first.length && x - diagonal >= second.length) return walkBack(steps, { first, second, centre, shift })
    }
  }
  return undefined
}

const isDown = (reached: Int32Array, centre: number, diagonal: number, changes: number): boolean =>
  diagonal === -changes || (diagonal !== changes && reached[centre + diagonal - 1]! < reached[centre + diagonal + 1]!)

function walkBack(
  steps: readonly Int32Array[],
  given: { first: readonly string[]; second: readonly string[]; centre: number; shift: number },
): DiffLine[] {
  const { first, second, centre, shift } = given
  const lines: DiffLine[] = []
  let [x, y] = [first.length, second.length]
  const line = (kind: DiffLine['in']): void => {
    const at = {
      ...(kind !== 'second' && { first: x + shift + 1 }),
      ...(kind !== 'first' && { second: y + shift + 1 }),
    }
    lines.push({ in: kind, text: kind === 'second' ? second[y]! : first[x]!, ...at })
  }
  for (let changes = steps.length - 1; changes >= 0; changes--) {
    const reached = steps[changes]!
    const diagonal = x - y
    const down = isDown(reached, centre, diagonal, changes)
    const fromX = changes === 0 ? 0 : down ? reached[centre + diagonal + 1]! : reached[centre + diagonal - 1]!
    const fromY = changes === 0 ? 0 : fromX - (down ? diagonal + 1 : diagonal - 1)
    while (x > fromX + (down || changes === 0 ? 0 : 1) && y > fromY + (down && changes > 0 ? 1 : 0)) {
      x -= 1
      y -= 1
      line('both')
    }
    if (changes === 0) break
    if (down) {
      y -= 1
      line('second')
    } else {
      x -= 1
      line('first')
    }
  }
  return lines.toReversed()
}

/** Leaves out what is far from any change: `undefined` stands for lines that were left out. */
export function aroundChanges(lines: readonly DiffLine[], near = 3): (DiffLine | undefined)[] {
  const isNear = new Uint8Array(lines.length)
  for (const [place, line] of lines.entries()) {
    if (line.in !== 'both') isNear.fill(1, Math.max(0, place - near), place + near + 1)
  }
  const kept: (DiffLine | undefined)[] = []
  for (const [place, line] of lines.entries()) {
    if (isNear[place]) kept.push(line)
    else if (kept.length > 0 && kept.at(-1) !== undefined) kept.push(undefined)
  }
  return kept
}
