import type { Event } from '@nabla/api/event'
import type { ApiError } from '@nabla/api/client'
import { type InfiniteData, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { client } from '../../api/client.ts'
import { useLiveEvents } from '../../api/live.ts'

export interface EventFilter {
  /** Id of a resource. */
  subject?: string
  project?: string
  /** How its type begins: `job`, `job.failed`. */
  type?: string
  /** Name of a user; `server` for what nobody did. */
  actor?: string
}

/** No page keeps more than this many that came while it was open. */
const most = 500

/**
 * What happened, newest first, and what happens while one looks; `readMore` reads what was before, as long as there is
 * more.
 */
export function useEvents(filter: EventFilter, limit: number) {
  const { subject, project, type, actor } = filter
  const input = {
    ...(subject && { subject }),
    ...(project && { project }),
    ...(type && { type }),
    ...(actor && { actor }),
  }
  const query = useInfiniteQuery<Event[], ApiError, InfiniteData<Event[]>, unknown[], number | undefined>({
    queryKey: ['event', 'latest', { ...input, limit }],
    queryFn: async ({ signal, pageParam: before }) =>
      (await client.event.list({ ...input, limit, ...(before !== undefined && { before }) }, { signal })).items,
    initialPageParam: undefined,
    getNextPageParam: (page) => (page.length < limit ? undefined : page[0]?.seq),
    refetchOnMount: 'always',
  })
  const [since, setSince] = useState<readonly Event[]>([])
  const key = JSON.stringify(input)
  useEffect(() => setSince([]), [key])
  useLiveEvents((event) => {
    const fits = (!subject || event.subject === subject) && (!project || event.projectId === project)
    if (fits && hasType(event, type) && hasActor(event, actor)) setSince((now) => [...now, event].slice(-most))
  })
  const read = query.data?.pages.toReversed().flat()
  const last = read?.at(-1)?.seq ?? 0
  const events = read && [...read, ...since.filter(({ seq }) => seq > last)].toReversed()
  return { events, query, readMore: query.hasNextPage ? () => void query.fetchNextPage() : undefined }
}

const hasType = (event: Event, type: string | undefined): boolean =>
  !type || event.type === type || event.type.startsWith(`${type}.`)

const hasActor = (event: Event, actor: string | undefined): boolean => !actor || (event.actor ?? 'server') === actor
