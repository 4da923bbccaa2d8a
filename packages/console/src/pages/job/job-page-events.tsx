import type { Event } from '@nabla/api/event'
import type { Job } from '@nabla/api/job'
import type { ReactNode } from 'react'
import { useApi } from '../../api/query.ts'
import { formatDuration, formatTime } from '../../parts/format.ts'
import { EmptyState, Loaded } from '../../parts/states.tsx'
import { verbText } from '../event/event-nouns.ts'

/** What happened to a job, in order, each with how long after the one before. */
export function JobEvents({ job }: { job: Job }): ReactNode {
  // The state is part of what is asked for: a change of it is an event, so the list is read again.
  const query = useApi('event', 'list', { subject: job.id, limit: 200 })
  return (
    <Loaded query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="Nothing has happened to it yet." />
        ) : (
          <ol className="timeline panel" aria-label="Events">
            {items.map((event, index) => (
              <Moment key={event.seq} event={event} before={items[index - 1]} />
            ))}
          </ol>
        )
      }
    </Loaded>
  )
}

function Moment({ event, before }: { event: Event; before: Event | undefined }): ReactNode {
  const { at, type, actor, data } = event
  // The name of the job is above all this.
  const words = Object.entries(data).flatMap(([name, value]) => (name === 'name' ? [] : detail(name, value)))
  return (
    <li className="moment">
      <time dateTime={at} className="mono muted">
        {formatTime(at)}
      </time>
      <span className="faint number moment-after">
        {before ? `+${formatDuration(Date.parse(at) - Date.parse(before.at))}` : ''}
      </span>
      <span className="moment-what">
        <strong>{verbText(type.replace(/^job\./, ''))}</strong>{' '}
        <span className="muted">by {actor ?? 'the server'}</span>
        {words.length > 0 && (
          <span className="muted moment-data" dir="auto">
            {words.join(' · ')}
          </span>
        )}
      </span>
    </li>
  )
}

/** `grace: 10 s` of `graceMs` and 10000, `exit code: 1` of `exitCode`; nothing of what is no word or number. */
function detail(name: string, value: unknown): string[] {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return []
  const isTime = typeof value === 'number' && name.endsWith('Ms')
  const words = name.replace(isTime ? /Ms$/ : '', '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return [`${words}: ${isTime ? formatDuration(value) : value}`]
}
