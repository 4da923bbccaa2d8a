import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'

/** Trials of one answer: it is there within a blink, and the server does others in between. */
export const pageSize = 2000
/** A first page that was read this short a while ago is shown as it is: what has changed since is read again. */
const freshMs = 5000

/** Reads the first trials of a sweep before its page is there. What fails is told of when it is read again. */
export const readTrialsAhead = (sweep: string): void => void queries.prefetchQuery(firstTrials(sweep))

/** The first trials of a sweep. Throws `ApiError`. */
export const readFirstTrials = (sweep: string) => queries.fetchQuery(firstTrials(sweep))

const firstTrials = (sweep: string) => ({
  queryKey: ['first-trials', sweep],
  queryFn: ({ signal }: { signal: AbortSignal }) => client.sweep.trials({ sweep, limit: pageSize }, { signal }),
  staleTime: freshMs,
  gcTime: freshMs,
})
