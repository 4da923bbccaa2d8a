import type { InfiniteData } from '@tanstack/react-query'

export interface Page<Row> {
  items: Row[]
  next: string | null
}

export type Pages<Row> = InfiniteData<Page<Row>, string>

/** What events told: which rows changed, and which are gone. */
export interface Told {
  changed: ReadonlySet<string>
  gone: ReadonlySet<string>
}

/**
 * Places of the pages to read again: those with a row that changed, and the first one if a row is not known yet. At
 * most `most` of them, first ones first.
 */
export function pagesToRead<Row>(data: Pages<Row>, told: Told, rowKey: (row: Row) => string, most: number): number[] {
  const { changed, gone } = told
  const known = new Set(data.pages.flatMap((page) => page.items.map(rowKey)))
  const unknown = [...changed].some((key) => !known.has(key) && !gone.has(key))
  return data.pages
    .flatMap(({ items }, place) => {
      const touched = items.some((row) => changed.has(rowKey(row)) && !gone.has(rowKey(row)))
      return touched || (place === 0 && unknown) ? [place] : []
    })
    .slice(0, most)
}

/**
 * The pages with rows as they are now: in the same order, so nothing moves. Rows that are gone go, and those that
 * changed and are not among the answers any more, because they no longer fit the filter. None is added.
 */
export function mergePages<Row>(
  data: Pages<Row>,
  fresh: ReadonlyMap<number, Page<Row>>,
  { changed, gone }: Told,
  rowKey: (row: Row) => string,
): Pages<Row> {
  const pages = data.pages.map((page, place) => {
    const again = fresh.get(place)
    const newer = new Map(again?.items.map((row) => [rowKey(row), row]))
    const items = page.items.flatMap((row) => {
      const key = rowKey(row)
      if (gone.has(key) || (again && changed.has(key) && !newer.has(key))) return []
      return [newer.get(key) ?? row]
    })
    return { ...page, items }
  })
  return { ...data, pages }
}

/** How many rows of the first page, read again, stand above one that was known: those came since. */
export function countNew<Row>(data: Pages<Row>, first: Page<Row>, rowKey: (row: Row) => string): number {
  const known = new Set(data.pages.flatMap((page) => page.items.map(rowKey)))
  const lastKnown = first.items.findLastIndex((row) => known.has(rowKey(row)))
  const above = lastKnown === -1 ? first.items : first.items.slice(0, lastKnown)
  return above.filter((row) => !known.has(rowKey(row))).length
}
