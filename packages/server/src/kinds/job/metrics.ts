import { jobStates, type JobState } from '@nabla/api/job'
import type { Deps } from '../../deps.ts'
import type { Tick } from '../../metrics/metric-store.ts'
import type { Handlers, StreamItem } from '../kind.ts'
import { resumeAt, toMetricRange, toRangeQuery, toTickEvent } from '../metric-query.ts'
import { readSpec } from './planned.ts'
import { findJob } from './view.ts'

/** What a job uses and used, over all its attempts. */
export const jobMetricHandlers: Pick<Handlers<'job'>, 'metrics' | 'followMetrics'> = {
  async metrics({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    const { resources } = readSpec(row).task.request
    const given = new Map([
      ['cpu', resources.cpus],
      ['memory', resources.memoryBytes],
      ['memoryPeak', resources.memoryBytes],
    ])
    const range = await deps.measurements.read(row.id, toRangeQuery(query, 'task'))
    return toMetricRange(range, ({ name }) => given.get(name) ?? null)
  },

  async followMetrics({ caller, params, query, headers, signal }, deps) {
    const { id } = await findJob(deps, caller, params.job)
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
  const row = await db.selectFrom('jobs').select('state').where('id', '=', id).executeTakeFirst()
  return !row || jobStates[row.state as JobState].ended
}

async function* toEvents(ticks: AsyncIterable<Tick>): AsyncGenerator<StreamItem> {
  for await (const tick of ticks) yield toTickEvent(tick)
}
