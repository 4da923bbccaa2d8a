import { type NotebookState, notebookStates } from '@nabla/api/notebook'
import type { Deps } from '../../deps.ts'
import type { Tick } from '../../metrics/metric-store.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { resumeAt, toMetricRange, toRangeQuery, toTickEvent } from '../metric-query.ts'
import { readNotebook } from './planned.ts'
import { findNotebook } from './view.ts'

/** What a notebook uses and used, over all its sessions. */
export const notebookMetricHandlers: Pick<Handlers<'notebook'>, 'metrics' | 'followMetrics'> = {
  async metrics({ caller, params, query }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    const resources = readNotebook(row).task?.request.resources
    const given = new Map([
      ['cpu', resources?.cpus ?? null],
      ['memory', resources?.memoryBytes ?? null],
      ['memoryPeak', resources?.memoryBytes ?? null],
    ])
    const range = await deps.measurements.read(row.id, toRangeQuery(query, 'task'))
    return toMetricRange(range, ({ name }) => given.get(name) ?? null)
  },

  async followMetrics({ caller, params, query, headers, signal }, deps) {
    const { id } = await findNotebook(deps, caller, params.notebook)
    const after = resumeAt(headers['last-event-id'], query.after)
    const ticks = deps.measurements.follow(id, {
      ...(after !== undefined && { after }),
      signal,
      hasEnded: () => hasEnded(deps, id),
    })
    return { events: toEvents(ticks) }
  },
}

async function hasEnded({ db }: Deps, id: string): Promise<boolean> {
  const row = await db.selectFrom('notebooks').select('state').where('id', '=', id).executeTakeFirst()
  return !row || !notebookStates[row.state as NotebookState].active
}

async function* toEvents(ticks: AsyncIterable<Tick>): AsyncGenerator<StreamItem> {
  for await (const tick of ticks) yield toTickEvent(tick)
}
