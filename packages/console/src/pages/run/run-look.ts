import { paletteSize } from '../../parts/palette.ts'

/** The last of the palette is grey, which is for what is not a run. */
const hues = paletteSize - 1

/** How the lines and points of a run look: place in the palette, and kind of dash. */
export interface RunLook {
  color: number
  dash: number
}

const dashes = 3
const looks = hues * dashes
/** Looks that runs were given on this page, and on those before it. */
const given = new Map<string, number>()

/**
 * The look of a run: it follows from its id, so it is the same on every page and every day, unless another of those that
 * are shown together, and that came before it, has that one; then it is the next that is free. Colours come before dashes.
 */
export function looksOf(ids: readonly string[]): Map<string, RunLook> {
  const taken = new Set<number>()
  const found = new Map<string, RunLook>()
  for (const id of ids) {
    const wanted = given.get(id) ?? hash(id) % hues
    const place = taken.size >= looks ? wanted : nextFree(wanted, taken)
    taken.add(place)
    if (!given.has(id)) given.set(id, place)
    found.set(id, { color: place % hues, dash: Math.floor(place / hues) })
  }
  return found
}

function nextFree(wanted: number, taken: ReadonlySet<number>): number {
  for (let lap = Math.floor(wanted / hues); lap < dashes * 2; lap++) {
    for (let step = 0; step < hues; step++) {
      const place = (lap % dashes) * hues + ((wanted + step) % hues)
      if (!taken.has(place)) return place
    }
  }
  return wanted
}

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let place = 0; place < text.length; place++) value = Math.imul(value ^ text.charCodeAt(place), 0x01000193)
  return value >>> 0
}
