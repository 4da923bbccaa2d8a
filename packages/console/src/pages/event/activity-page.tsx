import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { CommandLine } from '../../parts/copy.tsx'
import { FilterBar } from '../../parts/filter-bar.tsx'
import { plural } from '../../parts/format.ts'
import { PageHeader } from '../../parts/page-header.tsx'
import { quote } from '../../parts/quote.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { useUrlState } from '../../parts/url-state.ts'
import { EventLine } from './event-line.tsx'
import { eventNouns } from './event-nouns.ts'
import { foldEvents } from './fold-events.ts'
import { useEvents } from './use-events.ts'

/** As many as the API gives at once. */
const most = 200

const jobVerbs = ['created', 'started', 'succeeded', 'failed', 'error', 'cancelled', 'retrying', 'deleted']
const types = [...jobVerbs.map((verb) => `job.${verb}`), ...Object.keys(eventNouns)].map((type) => ({
  value: type,
  label: type.replace('.', ' '),
}))

/** What happened in the team, and what happens: of all, or of one resource, one project, one kind, one person. */
export function ActivityPage(): ReactNode {
  const [subject] = useUrlState('subject')
  const [project] = useUrlState('project')
  const [type] = useUrlState('type')
  const [actor] = useUrlState('actor')
  const people = useApi('user', 'list', { limit: 200 })
  const projects = useApi('project', 'list', { limit: 200 })
  const { events, query, readMore } = useEvents({ subject, project, type, actor }, most)
  const flags = Object.entries({ project, type, by: actor }).flatMap(([name, value]) =>
    value ? [`--${name} ${quote(value)}`] : [],
  )
  const command = ['events', ...(subject ? [subject] : []), ...flags, '--follow'].join(' ')
  const actors = [...(people.data?.items ?? []).map(({ name }) => name), 'server']
  return (
    <>
      <PageHeader title="Activity" />
      <FilterBar
        placeholder="subject:j… or type:job.failed"
        filters={[
          { key: 'type', label: 'Kind', options: types },
          { key: 'actor', label: 'By', options: actors.map((name) => ({ value: name, label: name })) },
          {
            key: 'project',
            label: 'Project',
            options: (projects.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
          },
          { key: 'subject', label: 'Of' },
        ]}
      >
        {events && (
          <span className="faint number">
            {plural(events.length, 'event')}
            {readMore && ', more below'}
          </span>
        )}
      </FilterBar>
      <div className="stack">
        <Loaded query={{ ...query, data: events }} lines={10}>
          {(found) =>
            found.length === 0 ? (
              <EmptyState title="Nothing like that has happened." command={command} />
            ) : (
              <ul className="event-list panel" aria-label="Activity">
                {(subject ? found.map((event) => ({ event, times: 1 })) : foldEvents(found)).map(({ event, times }) => (
                  <EventLine key={event.seq} event={event} times={times} />
                ))}
              </ul>
            )
          }
        </Loaded>
        {readMore && (
          <Button onClick={readMore} loading={query.isFetchingNextPage}>
            Show what was before
          </Button>
        )}
        <CommandLine line={command} />
      </div>
    </>
  )
}
