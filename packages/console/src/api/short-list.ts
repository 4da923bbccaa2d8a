import type { Noun } from '@nabla/api'
import type { ApiError, CallOptions } from '@nabla/api/client'
import { useQuery } from '@tanstack/react-query'
import type { LiveList } from './list.ts'
import type { Page } from './list-merge.ts'

/** The most that the API gives in one page, and how many of them are read at most. */
const pageSize = 200
const mostPages = 10

export interface ShortListSource<Row> {
  noun: Noun
  verb: string
  /** All that the answer depends on. */
  input?: Record<string, unknown>
  fetch: (page: { limit: number; after?: string }, options: CallOptions) => Promise<Page<Row>>
  enabled?: boolean
}

/**
 * A list that is read whole, because there are never many: keys, members, secrets. It is read again after every change
 * of its noun.
 */
export function useShortList<Row>({
  noun,
  verb,
  input = {},
  fetch,
  enabled = true,
}: ShortListSource<Row>): LiveList<Row> {
  const query = useQuery<Row[], ApiError>({
    queryKey: [noun, verb, { ...input, whole: true }],
    queryFn: async ({ signal }) => {
      const rows: Row[] = []
      let after: string | null = ''
      for (let count = 0; count < mostPages && after !== null; count++) {
        const page: Page<Row> = await fetch({ limit: pageSize, ...(after && { after }) }, { signal })
        rows.push(...page.items)
        after = page.next
      }
      return rows
    },
    refetchOnMount: 'always',
    enabled,
  })
  return {
    rows: query.data ?? [],
    isLoading: query.isPending,
    isStale: false,
    error: query.error,
    hasMore: false,
    isLoadingMore: false,
    loadMore: () => undefined,
    retry: () => void query.refetch(),
    newRows: 0,
    showNew: () => undefined,
  }
}
