import type { Noun } from '@nabla/api'
import type { ApiError, CallOptions } from '@nabla/api/client'
import type { Event } from '@nabla/api/event'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { countNew, mergePages, type Page, type Pages, pagesToRead } from './list-merge.ts'
import { useLiveEvents } from './live.ts'
import { queries } from './query.ts'

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
  /** The row that an event of another noun changes: a project counts its jobs. */
  touches?: (event: Event) => string | null
  /** Rows of the first page, 1 to 200: it has to be there quickly. Those that follow are as large as may be. */
  pageSize?: number
  enabled?: boolean
  /** Its events do not name rows: who shows it says when it is read again. */
  isUntold?: boolean
}

/** Rows of the first page, unless a list says otherwise. */
const firstPage = 50
/** The most that the API gives in one page. */
const largestPage = 200
/** No more pages than this are read again for one batch of events: the rest is read when it is scrolled to. */
const mostPagesReadAgain = 4
/** Events come in bursts; a list looks once for all of them. */
const settleMs = 400

/**
 * Reads a list and keeps it: rows that changed are read again where they stand, rows that were deleted go, and new ones
 * are counted in `newRows` until `showNew` is called.
 */
export function useList<Row>(source: ListSource<Row>): LiveList<Row> {
  const { fetch, pageSize = firstPage, enabled = true } = source
  const options = listQuery(source)
  const { queryKey } = options
  const query = useInfiniteQuery<Page<Row>, ApiError, Pages<Row>, unknown[], string>({
    ...options,
    placeholderData: keepPreviousData,
    enabled,
  })
  const [newRows, setNewRows] = useKeptFresh(source, queryKey)
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data])
  return {
    rows,
    isLoading: query.isPending && enabled,
    isStale: query.isPlaceholderData,
    error: query.error,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void (query.isFetching || query.fetchNextPage()),
    retry: () => void query.refetch(),
    newRows,
    showNew() {
      setNewRows(0)
      void fetch(pageOptions(pageSize, ''), {}).then(
        (first) => queries.setQueryData<Pages<Row>>(queryKey, { pages: [first], pageParams: [''] }),
        () => query.refetch(),
      )
    },
  }
}

/** Reads the first page of a list before it is drawn. */
export function readListAhead<Row>(source: ListSource<Row>): void {
  void queries.prefetchInfiniteQuery<Page<Row>, ApiError, Page<Row>, unknown[], string>(listQuery(source))
}

function listQuery<Row>({ noun, input, fetch, pageSize = firstPage }: ListSource<Row>) {
  return {
    queryKey: [noun, 'pages', input] as unknown[],
    queryFn: ({ pageParam, signal }: { pageParam: string; signal: AbortSignal }) =>
      fetch(pageOptions(pageParam === '' ? pageSize : largestPage, pageParam), { signal }),
    initialPageParam: '',
    getNextPageParam: (page: Page<Row>) => page.next,
  }
}

/** Puts what events tell of into the pages that are kept; returns how many rows are new, and what sets that. */
function useKeptFresh<Row>(source: ListSource<Row>, queryKey: unknown[]): [number, (count: number) => void] {
  const { noun, fetch, touches } = source
  const rowKey = source.rowKey ?? ((row: Row) => (row as { id: string }).id)
  const [newRows, setNewRows] = useState(0)
  const keyText = JSON.stringify(queryKey)
  useEffect(() => setNewRows(0), [keyText])
  const take = async (events: readonly Event[]): Promise<void> => {
    const own = events.filter(({ type }) => nounOf(type) === noun && !source.isUntold)
    const touched = events.flatMap((event) => touches?.(event) ?? [])
    const changed = new Set([...own.map(({ subject }) => subject), ...touched])
    const gone = new Set(own.flatMap(({ type, subject }) => (type.endsWith('.deleted') ? [subject] : [])))
    const data = queries.getQueryData<Pages<Row>>(queryKey)
    if (!data || changed.size === 0) return
    const places = pagesToRead(data, { changed, gone }, rowKey, mostPagesReadAgain)
    const read = places.map((place) => fetch(pageOptions(largestPage, data.pageParams[place] ?? ''), {}))
    const pages = await Promise.all(read)
    const fresh = new Map(places.map((place, index) => [place, pages[index]!]))
    queries.setQueryData<Pages<Row>>(queryKey, (now) => now && mergePages(now, fresh, { changed, gone }, rowKey))
    const first = fresh.get(0)
    if (first) setNewRows(countNew(queries.getQueryData<Pages<Row>>(queryKey) ?? data, first, rowKey))
  }
  useLiveEvents(useBatches(take))
  return [newRows, setNewRows]
}

/** The noun in the type of an event: `job` of `job.started`. */
const nounOf = (type: string): string => type.split('.', 1)[0]!

const pageOptions = (limit: number, after: string) => (after === '' ? { limit } : { limit, after })

/** Collects events until none has come for a moment, and hands them over together, one batch after the other. */
function useBatches(handle: (events: readonly Event[]) => Promise<void>): (event: Event) => void {
  const latest = useRef(handle)
  latest.current = handle
  const state = useRef({ batch: [] as Event[], timer: undefined as ReturnType<typeof setTimeout> | undefined })
  useEffect(() => () => clearTimeout(state.current.timer), [])
  return useCallback((event: Event) => {
    const { current } = state
    const settle = () => {
      // A list that cannot be read again stays as it is; what is wrong is shown when it is read the next time.
      void latest
        .current(current.batch.splice(0))
        .catch(() => undefined)
        .finally(() => (current.timer = current.batch.length > 0 ? setTimeout(settle, settleMs) : undefined))
    }
    current.batch.push(event)
    current.timer ??= setTimeout(settle, settleMs)
  }, [])
}
