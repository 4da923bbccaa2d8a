import { expect, test } from 'vitest'
import { countNew, mergePages, type Page, pagesToRead } from './list-merge.ts'

const row = (id: string, state = 'old') => ({ id, state })
const page = (...ids: string[]): Page<{ id: string; state: string }> => ({
  items: ids.map((id) => row(id)),
  next: null,
})
const rowKey = ({ id }: { id: string }) => id
const told = (changed: string[], gone: string[] = []) => ({
  changed: new Set([...changed, ...gone]),
  gone: new Set(gone),
})
const pages = { pages: [page('e', 'd'), page('c', 'b'), page('a')], pageParams: ['', 'd', 'b'] }
const idsOf = (data: typeof pages) => data.pages.map(({ items }) => items.map(rowKey).join(''))

test('reads the pages again that hold what changed, and the first one for what is not known', () => {
  expect(pagesToRead(pages, told(['b']), rowKey, 4)).toEqual([1])
  expect(pagesToRead(pages, told(['new']), rowKey, 4)).toEqual([0])
  expect(pagesToRead(pages, told(['new', 'c', 'a']), rowKey, 2)).toEqual([0, 1])
  expect(pagesToRead(pages, told([], ['b']), rowKey, 4)).toEqual([])
  expect(pagesToRead(pages, told([], ['elsewhere']), rowKey, 4)).toEqual([])
})

test('puts what changed in its place, and adds nothing', () => {
  const fresh = new Map([[0, { items: [row('new'), row('e', 'now'), row('d')], next: null }]])
  const merged = mergePages(pages, fresh, told(['e', 'new']), rowKey)
  expect(idsOf(merged)).toEqual(['ed', 'cb', 'a'])
  expect(merged.pages[0]?.items[0]?.state).toBe('now')
})

test('drops what is gone, and what changed and no longer fits', () => {
  expect(idsOf(mergePages(pages, new Map(), told([], ['b']), rowKey))).toEqual(['ed', 'c', 'a'])
  expect(idsOf(mergePages(pages, new Map([[1, page('b')]]), told(['c']), rowKey))).toEqual(['ed', 'b', 'a'])
  // What did not change only moved to another page.
  expect(idsOf(mergePages(pages, new Map([[1, page('b')]]), told(['b']), rowKey))).toEqual(['ed', 'cb', 'a'])
})

test('counts what came above what was known, and not what was never loaded below', () => {
  expect(countNew(pages, page('g', 'f', 'e', 'd'), rowKey)).toBe(2)
  expect(countNew(pages, page('e', 'd', 'c', 'b', 'a', 'older'), rowKey)).toBe(0)
  expect(countNew({ pages: [page()], pageParams: [''] }, page('b', 'a'), rowKey)).toBe(2)
})
