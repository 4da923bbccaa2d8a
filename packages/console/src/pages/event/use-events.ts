import type { Event } from '@nabla/api/event'
import type { ApiError } from '@nabla/api/client'
import { useQuery } from '@tanstack/react-query'
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

/** No page shows more than this many. */
const most = 500

/** What happened, newest first, and what happens while one looks. */
export function useEvents(filter: EventFilter, limit: number) {
  const { subject, project, type, actor } = filter
  const input = { ...(subject && { subject }), ...(project && { project }), limit }
  const query = useQuery<Event[], ApiError>({
    queryKey: ['event', 'latest', input],
    queryFn: async ({ signal }) => (await client.event.list(input, { signal })).items,
    refetchOnMount: 'always',
  })
  const [since, setSince] = useState<readonly Event[]>([])
  const key = JSON.stringify(input)
  useEffect(() => setSince([]), [key])
  useLiveEvents((event) => {
    const fits = (!subject || event.subject === subject) && (!project || event.projectId === project)
    if (fits) setSince((now) => [...now, event].slice(-most))
  })
  const last = query.data?.at(-1)?.seq ?? 0
  const all = [...(query.data ?? []), ...since.filter(({ seq }) => seq > last)]
  const events = all.filter((event) => hasType(event, type) && hasActor(event, actor)).toReversed()
  return { events: query.data && events, query }
}

const hasType = (event: Event, type: string | undefined): boolean =>
  !type || event.type === type || event.type.startsWith(`${type}.`)

const hasActor = (event: Event, actor: string | undefined): boolean => !actor || (event.actor ?? 'server') === actor
