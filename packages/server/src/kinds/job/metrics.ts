import { jobStates, type JobState } from '@nabla/api/job'
import type { Deps } from '../../deps.ts'
import type { Handlers } from '../kind.ts'
import { followTaskMetrics, readTaskMetrics } from '../metric-query.ts'
import { readSpec } from './planned.ts'
import { findJob } from './view.ts'

/** What a job uses and used, over all its attempts. */
export const jobMetricHandlers: Pick<Handlers<'job'>, 'metrics' | 'followMetrics'> = {
  async metrics({ caller, params, query }, deps) {
    const row = await findJob(deps, caller, params.job)
    return readTaskMetrics(deps, row.id, readSpec(row).task.request.resources, query)
  },

  async followMetrics({ caller, params, ...request }, deps) {
    const { id } = await findJob(deps, caller, params.job)
    return followTaskMetrics(deps, id, request, () => hasEnded(deps, id))
  },
}

async function hasEnded({ db }: Deps, id: string): Promise<boolean> {
  const row = await db.selectFrom('jobs').select('state').where('id', '=', id).executeTakeFirst()
  return !row || jobStates[row.state as JobState].ended
}
