import type { Event } from '@nabla/api/event'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { RelativeTime } from '../../parts/amount.tsx'
import { formatCount } from '../../parts/format.ts'
import { Icon } from '../../parts/icon.tsx'
import { shapeOf, StateBadge } from '../../parts/state-badge.tsx'
import { eventNouns, verbText } from './event-nouns.ts'
import './event-line.css'

/** Something that happened, in one line: what, to which, how many times in a row, by whom, when. */
export function EventLine({ event, times = 1 }: { event: Event; times?: number }): ReactNode {
  const { type, at, actor } = event
  const [noun = '', verb = ''] = type.split('.')
  return (
    <li className="event-line">
      {shapeOf(verb) ? <StateBadge state={verb} bare /> : <Icon name={eventNouns[noun]?.icon ?? 'info'} size={14} />}
      <span className="event-text ellipsis">
        <span className="event-noun">{noun}</span> <Subject event={event} /> {verbText(verb)}
        {times > 1 && <span className="muted number"> {formatCount(times)} times</span>}
        {actor !== null && <span className="muted"> by {actor}</span>}
      </span>
      <span className="event-time">
        <RelativeTime time={at} />
      </span>
    </li>
  )
}

function Subject({ event }: { event: Event }): ReactNode {
  const { subject, type, data } = event
  const of = typeof data['name'] === 'string' ? data['name'] : subject
  const name = typeof data['version'] === 'number' ? `${of}:${data['version']}` : of
  const address = addressOf(type, subject)
  if (address === undefined) return <bdi>{name}</bdi>
  return (
    <Link to={address as never} title={subject}>
      <bdi>{name}</bdi>
    </Link>
  )
}

/** Where one looks at what an event is of; what was deleted is nowhere. */
function addressOf(type: string, subject: string): string | undefined {
  const [noun = '', verb] = type.split('.')
  const page = eventNouns[noun]?.page
  return page === undefined || verb === 'deleted' ? undefined : `${page}/${subject}`
}
