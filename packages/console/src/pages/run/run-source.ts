import type { ApiError } from '@nabla/api/client'
import type { Run } from '@nabla/api/run'
import { keepPreviousData, useQuery, type UseQueryResult } from '@tanstack/react-query'
import { client } from '../../api/client.ts'
import { useApi } from '../../api/query.ts'
import { useUrlState } from '../../parts/url-state.ts'
import { type FieldId, readField, readIds } from './run-fields.ts'

/** Where runs are looked for: a project, an experiment, a job, or the whole team. */
export interface RunPlace {
  project?: string
  experiment?: string
  job?: string
}

/** What runs a view is of: a place, and what the address asks for: `?filter=…&order=…`. */
export interface RunSource extends RunPlace {
  filter?: string
  order?: string
}

export interface RunSourceState {
  source: RunSource
  filter: string
  setFilter: (filter: string) => void
  order: string
  setOrder: (order: string) => void
}

export function useRunSource(place: RunPlace): RunSourceState {
  const [filter, setFilter] = useUrlState('filter')
  const [order, setOrder] = useUrlState('order')
  const source = { ...place, ...(filter !== '' && { filter }), ...(order !== '' && { order }) }
  return { source, filter, setFilter, order, setOrder }
}

/** Names of what runs have. */
export interface RunNames {
  metrics: readonly string[]
  params: readonly string[]
}

/** Names of metrics, parameters and labels in a place, whatever is filtered. */
export function useRunColumns(place: RunPlace) {
  return useApi('run', 'columns', { ...place })
}

const pageSize = 200
/** More lines and points than these tell nobody anything. */
export const mostRuns = 2000

/** Names as the API takes them for what it shall show of runs; undefined: too many, everything. */
export function columnsWord(ids: readonly FieldId[]): string | undefined {
  const words = [...new Set(ids)].flatMap((id) => {
    const field = readField(id)
    return field && field.kind !== 'attribute' ? [`${field.kind}.${encodeURIComponent(field.name)}`] : []
  })
  const text = words.join(',')
  return text.length <= mostCharacters ? text : undefined
}

/** What the pictures can be of, by the words of the address. */
const asking = ['axes', 'across', 'up', 'target']

/** What pictures show: what the address asks for, and the first metrics where it asks for nothing. */
export function picturedFields(search: Readonly<Record<string, unknown>>, { metrics }: RunNames): FieldId[] {
  const wanted = asking.flatMap((key) => {
    const text = search[key]
    return typeof text === 'string' ? readIds(text) : []
  })
  return [...wanted, ...metrics.slice(0, 3).map((name) => `metrics.${name}`)]
}

/** As much as the API takes, and an address has room for. */
const mostCharacters = 6000

/** All runs that match, up to some thousand, with some of what they have: for pictures of many. */
export function useAllRuns(source: RunSource & { columns?: string }, enabled = true): UseQueryResult<Run[], ApiError> {
  return useQuery<Run[], ApiError>({
    queryKey: ['run', 'all', source],
    queryFn: async ({ signal }) => {
      const runs: Run[] = []
      for (let after: string | null = ''; after !== null && runs.length < mostRuns;) {
        const page: { items: Run[]; next: string | null } = await client.run.list(
          { ...source, limit: pageSize, ...(after !== '' && { after }) },
          { signal },
        )
        runs.push(...page.items)
        after = page.next
      }
      return runs
    },
    placeholderData: keepPreviousData,
    enabled,
  })
}
