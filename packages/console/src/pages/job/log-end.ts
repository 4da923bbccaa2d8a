import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'

/** Lines are read and forgotten by this many. */
export const pageLines = 250
/** An end that was read this short a while ago is shown as it is: what came since follows it. */
const freshMs = 5000

/** Reads the end of a log before its page is there. What fails is told of when it is read again. */
export const readLogAhead = (job: string): void => void queries.prefetchQuery(logEnd(job))

/** The last lines of the log of a job. Throws `ApiError`. */
export const readLogEnd = (job: string) => queries.fetchQuery(logEnd(job))

const logEnd = (job: string) => ({
  queryKey: ['log-end', job],
  queryFn: ({ signal }: { signal: AbortSignal }) => client.job.logs({ job, tail: pageLines }, { signal }),
  staleTime: freshMs,
  gcTime: freshMs,
})
