import type { Event } from '@nabla/api/event'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { EventFilter } from '../events/feed.ts'
import { AppError } from '../lib/app-error.ts'
import type { Caller, Handlers } from './kind.ts'
import { findProject } from './project.ts'

export const eventHandlers: Handlers<'event'> = {
  async list({ caller, query }, { db, feed }) {
    const { after, before, limit } = query
    const filter = await filterOf(db, caller, query)
    const items = await feed.read(caller.teamId, { ...filter, after, before, limit })
    const last = items.at(-1)
    return { items, next: after !== undefined && last && items.length === limit ? String(last.seq) : null }
  },

  async stream({ caller, query, headers, signal }, { db, feed }) {
    const filter = await filterOf(db, caller, query)
    const after = resumeAfter(headers['last-event-id']) ?? query.after ?? (await feed.latest())
    return { events: numbered(feed.follow(caller.teamId, { ...filter, after, signal })) }
  },
}

async function filterOf(
  db: Kysely<Tables>,
  caller: Caller,
  query: { [K in 'subject' | 'project' | 'type' | 'actor']?: string | undefined },
): Promise<EventFilter> {
  const { project, subject, type, actor } = query
  const filter = { subject, type, actor: actor === 'server' ? null : actor }
  if (project === undefined) return filter
  return { ...filter, projectId: (await findProject(db, caller.teamId, project)).id }
}

function resumeAfter(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  const seq = Number(header)
  if (!Number.isSafeInteger(seq) || seq < 0) {
    throw new AppError('invalid', { detail: 'Last-Event-ID is not the number of an event.' })
  }
  return seq
}

async function* numbered(events: AsyncIterable<Event>): AsyncGenerator<{ id: string; data: Event }> {
  for await (const event of events) yield { id: String(event.seq), data: event }
}
