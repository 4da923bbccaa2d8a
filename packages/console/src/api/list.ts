import type { Noun } from '@nabla/api'
import type { ApiError, CallOptions } from '@nabla/api/client'
import type { Event } from '@nabla/api/event'
import { type InfiniteData, keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useLiveEvents } from './live.ts'
import { queries } from './query.ts'

export interface Page<Row> {
  items: Row[]
  next: string | null
}

/** A list that grows page by page as one scrolls, and is kept up to date without moving what one reads. */
export interface LiveList<Row> {
  rows: Row[]
  isLoading: boolean
  /** A change of the filter is being read; `rows` are still those of the last one. */
  isStale: boolean
  error: ApiError | null
  hasMore: boolean
  isLoadingMore: boolean
  loadMore(): void
  retry(): void
  /** How many rows came since, and wait to be shown. */
  newRows: number
  showNew(): void
}

export interface ListSource<Row> {
  noun: Noun
  /** All that the answer depends on: filters, the folder, the order. */
  input: Record<string, unknown>
  /** One page: `after` is the `next` of the page before. */
  fetch: (page: { limit: number; after?: string }, options: CallOptions) => Promise<Page<Row>>
  /** What tells rows apart, and what events name them by; their `id` if left out. */
  rowKey?: (row: Row) => string
  /** Rows of a page, 1 to 200. */
  pageSize?: number
  enabled?: boolean
}

/** No more pages than this are read again for one batch of events: the rest is read when it is scrolled to. */
const mostPagesReadAgain = 4
/** Events come in bursts; a list looks once for all of them. */
const settleMs = 400

/**
 * Reads a list and keeps it: rows that changed are read again where they stand, rows that were deleted go, and new ones
 * are counted in `newRows` until `showNew` is called.
 */
export function useList<Row>(source: ListSource<Row>): LiveList<Row> {
  const { noun, input, fetch, pageSize = 50, enabled = true } = source
  const rowKey = source.rowKey ?? ((row: Row) => (row as { id: string }).id)
  const queryKey = [noun, 'pages', input]
  const query = useInfiniteQuery<Page<Row>, ApiError, InfiniteData<Page<Row>, string>, unknown[], string>({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetch(pageOptions(pageSize, pageParam), { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    enabled,
  })
  const [newRows, setNewRows] = useState(0)
  const keyText = JSON.stringify(queryKey)
  useEffect(() => setNewRows(0), [keyText])

  useLiveEvents(
    useBatches(async (events) => {
      const touched = new Set(events.filter(({ type }) => nounOf(type) === noun).map(({ subject }) => subject))
      if (touched.size === 0) return
      const gone = new Set(events.filter(({ type }) => type.endsWith('.deleted')).map(({ subject }) => subject))
      const data = queries.getQueryData<InfiniteData<Page<Row>, string>>(queryKey)
      if (!data) return
      const fresh = await readAgain(data, touched, gone)
      const known = new Set(data.pages.flatMap((page) => page.items.map(rowKey)))
      queries.setQueryData<InfiniteData<Page<Row>, string>>(queryKey, (now) => now && merge(now, fresh, touched, gone))
      setNewRows((fresh.get(0)?.items ?? []).filter((row) => !known.has(rowKey(row))).length)
    }),
  )

  /** Pages that hold a row that changed, and the first one if a row is not known yet; by their place. */
  async function readAgain(data: InfiniteData<Page<Row>, string>, touched: Set<string>, gone: Set<string>) {
    const where = data.pages.map((page) => page.items.some((row) => touched.has(rowKey(row))))
    const known = new Set(data.pages.flatMap((page) => page.items.map(rowKey)))
    where[0] ||= [...touched].some((subject) => !known.has(subject) && !gone.has(subject))
    const places = where.flatMap((again, place) => (again ? [place] : [])).slice(0, mostPagesReadAgain)
    const pages = await Promise.all(
      places.map((place) => fetch(pageOptions(place === 0 ? 200 : pageSize, data.pageParams[place] ?? ''), {})),
    )
    return new Map(places.map((place, index) => [place, pages[index]!]))
  }

  function merge(
    data: InfiniteData<Page<Row>, string>,
    fresh: Map<number, Page<Row>>,
    touched: Set<string>,
    gone: Set<string>,
  ): InfiniteData<Page<Row>, string> {
    const pages = data.pages.map((page, place) => {
      const again = fresh.get(place)
      const newer = new Map(again?.items.map((row) => [rowKey(row), row]))
      const items = page.items.flatMap((row) => {
        const key = rowKey(row)
        if (gone.has(key)) return []
        // What changed and is not among the answers any more no longer fits the filter.
        if (again && touched.has(key) && !newer.has(key)) return []
        return [newer.get(key) ?? row]
      })
      return { ...page, items }
    })
    return { ...data, pages }
  }

  return {
    rows: query.data?.pages.flatMap((page) => page.items) ?? [],
    isLoading: query.isPending && enabled,
    isStale: query.isPlaceholderData,
    error: query.error,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void (query.isFetching || query.fetchNextPage()),
    retry: () => void query.refetch(),
    newRows,
    showNew: () => {
      setNewRows(0)
      void queries.resetQueries({ queryKey, exact: true })
    },
  }
}

/** The noun in the type of an event: `job` of `job.started`. */
export const nounOf = (type: string): string => type.split('.', 1)[0]!

const pageOptions = (limit: number, after: string) => (after === '' ? { limit } : { limit, after })

/** Collects events until none has come for a moment, and hands them over together, one batch after the other. */
function useBatches(handle: (events: Event[]) => Promise<void>): (event: Event) => void {
  const latest = useRef(handle)
  latest.current = handle
  const state = useRef({ batch: [] as Event[], timer: undefined as ReturnType<typeof setTimeout> | undefined })
  useEffect(() => () => clearTimeout(state.current.timer), [])
  return useCallback((event) => {
    const { current } = state
    current.batch.push(event)
    current.timer ??= setTimeout(() => {
      const batch = current.batch.splice(0)
      // A list that cannot be read again stays as it is; what is wrong is shown when it is read the next time.
      void latest
        .current(batch)
        .catch(() => undefined)
        .finally(() => (current.timer = undefined))
    }, settleMs)
  }, [])
}
