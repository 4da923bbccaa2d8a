import type { ApiError, CallOptions } from '@nabla/api/client'
import type { MetricRange } from '@nabla/api/metric'
import { queryOptions } from '@tanstack/react-query'
import { client } from '../../api/client.ts'
import { queries } from '../../api/query.ts'

/** Points of one series: about as many as a wide chart has pixels to tell them apart. */
export const points = 600

interface Span {
  from?: string
  to?: string
}

/** Reads measurements: all of them, or those of a span. */
export type ReadMeasured = (query: { points: number } & Span, options: CallOptions) => Promise<MetricRange>

/** What was measured of something; `id` tells it apart. */
export function measuredQuery(id: string, span: Span | undefined, read: ReadMeasured) {
  return queryOptions<MetricRange, ApiError>({
    queryKey: ['metric', id, span ?? 'all'],
    queryFn: ({ signal }) => read({ points, ...span }, { signal }),
  })
}

/** Reads what a job used before its page is there. */
export function readJobMetricsAhead(job: string): void {
  const read: ReadMeasured = (query, options) => client.job.metrics({ job, ...query }, options)
  void queries.prefetchQuery(measuredQuery(job, undefined, read))
}
