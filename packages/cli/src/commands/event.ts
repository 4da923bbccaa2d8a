import type { Event } from '@nabla/api/event'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { arg, flag } from '../flags.ts'
import { formatTime } from '../terminal/format.ts'
import { withRetries } from '../job/resume.ts'
import { onOneLine, truncate } from '../terminal/terminal-width.ts'

export const events = defineCommand({
  name: 'events',
  about: 'Show what happened, or watch it happen',
  args: { subject: arg.optional('id of a job, project or other resource: only its events') },
  flags: {
    follow: flag.on('go on as things happen', { short: 'f' }),
    project: flag.text('project', 'only those of this project', { completes: 'project' }),
    type: flag.text('type', 'only of this noun, or this type: job, job.failed'),
    by: flag.text('user', 'only what this user did; server: what nobody did'),
    limit: flag.whole('count', 'most events to show', { fallback: '50' }),
  },
  examples: [
    { line: 'events', about: 'the latest ones of the team' },
    { line: 'events --follow --project digits', about: 'watch one project' },
    { line: 'events --type job.failed --by ada', about: 'jobs of one person that failed' },
    { line: 'events --follow --json', about: 'one JSON value a line, for a script' },
  ],
  async run(context, { subject }, flags) {
    const client = await context.client()
    const which = {
      ...(subject !== undefined && { subject: await idOf(context, subject) }),
      ...(flags.project !== undefined && { project: flags.project }),
      ...(flags.type !== undefined && { type: flags.type }),
      ...(flags.by !== undefined && { actor: flags.by }),
    }
    const { items } = await client.event.list({ ...which, limit: Math.min(flags.limit ?? 50, 200) })
    if (context.out.json && !flags.follow) await context.out.value(items)
    else for (const event of items) await print(context, event)
    if (flags.follow) return follow(context, which, items.at(-1)?.seq ?? 0)
    if (items.length === 0) context.out.note('Nothing has happened yet.')
    return 0
  },
})

type Which = { [K in 'subject' | 'project' | 'type' | 'actor']?: string }

/** Events know resources by id; a name is taken for that of a job. */
async function idOf(context: Context, subject: string): Promise<string> {
  if (/^[a-z]{1,2}[0-9a-z]{16}$/.test(subject)) return subject
  return (await (await context.client()).job.show({ job: subject })).id
}

async function follow(context: Context, which: Which, from: number): Promise<number> {
  const client = await context.client()
  const watching = new AbortController()
  const ignore = context.io.onInterrupt(() => watching.abort())
  let last = from
  try {
    await withRetries(
      context,
      async (alive) => {
        for await (const { data } of client.event.stream({ ...which, after: last }, { signal: watching.signal })) {
          alive()
          last = data.seq
          await print(context, data)
        }
      },
      watching.signal,
    )
  } catch (error) {
    if (!watching.signal.aborted) throw error
  } finally {
    ignore()
  }
  return 0
}

/** Columns of a terminal that shows whole times. */
const narrow = 80

async function print({ out }: Context, event: Event): Promise<void> {
  if (out.json) {
    await out.value(event)
    return
  }
  const facts = Object.entries(event.data).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  // The day is left out where the line would be too long.
  const time = formatTime(event.at).slice((out.width ?? narrow) < narrow ? 11 : 0)
  const head = [time, event.type.padEnd((out.width ?? narrow) < narrow ? 16 : 23), event.subject]
  const detail = onOneLine([...(event.actor === null ? [] : [`by ${event.actor}`]), ...facts].join('  '))
  const room = out.width === undefined ? detail.length : out.width - head.join('  ').length - 2
  const [, type = '', subject = ''] = head
  const painted = [out.style('dim', time), out.style('bold', type), subject]
  if (detail !== '' && room > 8) painted.push(out.style('dim', truncate(detail, room)))
  await out.line(painted.join('  '))
}
