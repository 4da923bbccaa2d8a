import type { Contract, Noun } from '@nabla/api'
import { ApiError, type CallOptions, type Client } from '@nabla/api/client'
import { QueryClient, queryOptions, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { client } from './client.ts'

type Verb<N extends Noun> = keyof Contract[N] & string
type Call<N extends Noun, V extends Verb<N>> = Client[N][V]
/** What a route takes: path and query parameters side by side. */
export type Input<N extends Noun, V extends Verb<N>> =
  Call<N, V> extends (input: infer I, options?: CallOptions) => unknown ? NonNullable<I> : never
/** What a route answers with. */
export type Output<N extends Noun, V extends Verb<N>> =
  Call<N, V> extends (...given: never[]) => Promise<infer O> ? O : never

/** Everything that was read and is kept. Live updates say what is stale; nothing is read again on a timer. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      gcTime: 300_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
      retryDelay: (count) => 500 * 2 ** count,
    },
  },
})

/** A call of the contract as a query, kept under `[noun, verb, input]`: live updates find it by its noun. */
export function apiQuery<N extends Noun, V extends Verb<N>>(noun: N, verb: V, input: Input<N, V>) {
  return queryOptions<Output<N, V>, ApiError>({
    queryKey: [noun, verb, input],
    queryFn: ({ signal }) => callApi(noun, verb, input, { signal }),
  })
}

/** Reads from the API and stays up to date: `useApi('project', 'show', { project: 'digits' })`. */
export function useApi<N extends Noun, V extends Verb<N>>(
  noun: N,
  verb: V,
  input: Input<N, V>,
  options: { enabled?: boolean } = {},
): UseQueryResult<Output<N, V>, ApiError> {
  return useQuery({ ...apiQuery(noun, verb, input), ...options })
}

/** Reads something before it is drawn. What fails is read again, and told of, when it is. */
export function readAhead<N extends Noun, V extends Verb<N>>(noun: N, verb: V, input: Input<N, V>): void {
  void queries.prefetchQuery(apiQuery(noun, verb, input))
}

/** Makes a call of the contract by the names of its noun and verb. Throws `ApiError`. */
export function callApi<N extends Noun, V extends Verb<N>>(
  noun: N,
  verb: V,
  input: Input<N, V>,
  options?: CallOptions,
): Promise<Output<N, V>> {
  const call = client[noun][verb] as (input: unknown, options?: CallOptions) => Promise<Output<N, V>>
  return call(input, options)
}
