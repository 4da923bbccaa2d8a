import type { Event } from '@nabla/api/event'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { RelativeTime } from '../../parts/amount.tsx'
import { Icon, type IconName } from '../../parts/icon.tsx'
import { shapeOf, StateBadge } from '../../parts/state-badge.tsx'
import './event-line.css'

const icons: Record<string, IconName> = {
  job: 'job',
  artifacts: 'file',
  project: 'folder',
  dataset: 'data',
  key: 'key',
  secret: 'lock',
  member: 'people',
  team: 'people',
  password: 'lock',
  user: 'people',
  storage: 'data',
  retention: 'clock',
}

/** Something that happened, in one line: what, to which, by whom, when. */
export function EventLine({ event }: { event: Event }): ReactNode {
  const { type, at, actor } = event
  const [noun = '', verb = ''] = type.split('.')
  return (
    <li className="event-line">
      {shapeOf(verb) ? <StateBadge state={verb} bare /> : <Icon name={icons[noun] ?? 'info'} size={14} />}
      <span className="event-text ellipsis">
        <span className="event-noun">{noun}</span> <Subject event={event} /> {verb.replaceAll('_', ' ')}
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
  const [noun, verb] = type.split('.')
  if (verb === 'deleted') return undefined
  if (noun === 'job' || noun === 'artifacts') return `/jobs/${subject}`
  if (noun === 'dataset') return `/data/datasets/${subject}`
  if (noun === 'project') return `/projects/${subject}`
  return undefined
}
