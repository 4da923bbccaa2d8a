import type { Exchange } from './route.ts'
import type { LogSource } from './logs.ts'

/**
 * The logs of all jobs of an experiment, as one with numbers of its own. Our cursor says how far each job was read, the
 * clients' only how many lines were: what was told is written down by that number, so that a server that has started
 * anew goes on there. Who asks for a line that nobody was told of gets what follows when all is read from the beginning,
 * in an order in which it might have been written.
 */
export function experimentLog(exchange: Exchange, experiment: string): LogSource {
  const { call } = exchange
  return {
    async read(after, limit) {
      const place = await placeOf(exchange, experiment, after)
      const page = await call('experiment', 'logs', { experiment, after: place.cursor, limit })
      const rows = page.items.map(({ text, at, job }, index) => ({
        line: after + index + 1,
        message: text,
        timestamp: at,
        jobId: job,
      }))
      if (rows.length > 0) await remember(exchange, experiment, after + rows.length, page.next)
      const ended = page.ended && rows.length < limit
      return { rows, ended, told: ended && place.at < after }
    },
    async wait(after, signal) {
      const { cursor } = await placeOf(exchange, experiment, after)
      const { events } = await call('experiment', 'followLogs', { experiment, after: cursor, signal })
      for await (const _ of events) return
    },
  }
}

/** Where the log goes on behind a line, and which line that really is: there may not be as many. */
async function placeOf(
  { call, deps }: Exchange,
  experiment: string,
  line: number,
): Promise<{ cursor: string; at: number }> {
  if (line === 0) return { cursor: '', at: 0 }
  // Refuses experiments of others, before a place of them is looked up.
  const { id } = await call('experiment', 'show', { experiment })
  const known = await deps.db
    .selectFrom('gradientLogPlaces')
    .select(['line', 'cursor'])
    .where('experimentId', '=', id)
    .where('line', '<=', line)
    .orderBy('line', 'desc')
    .limit(1)
    .executeTakeFirst()
  let [at, cursor] = known ? [known.line, known.cursor] : [0, '']
  while (at < line) {
    const page = await call('experiment', 'logs', { experiment, after: cursor, limit: Math.min(line - at, 5000) })
    if (page.items.length === 0) break
    at += page.items.length
    cursor = page.next
  }
  return { cursor, at }
}

/** Lines are told in one order from then on: where two clients read at once, that of the first. */
async function remember({ call, deps }: Exchange, experiment: string, line: number, cursor: string): Promise<void> {
  const { id: experimentId } = await call('experiment', 'show', { experiment })
  await deps.db
    .insertInto('gradientLogPlaces')
    .values({ experimentId, line, cursor })
    .onConflict((c) => c.columns(['experimentId', 'line']).doNothing())
    .execute()
  const oldest = await deps.db
    .selectFrom('gradientLogPlaces')
    .select('line')
    .where('experimentId', '=', experimentId)
    .orderBy('line', 'desc')
    .offset(mostPlaces)
    .limit(1)
    .executeTakeFirst()
  if (!oldest) return
  await deps.db
    .deleteFrom('gradientLogPlaces')
    .where('experimentId', '=', experimentId)
    .where('line', '<=', oldest.line)
    .execute()
}

/** Followers are near the end; what is farther back is read again. */
const mostPlaces = 200
