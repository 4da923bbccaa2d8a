import { type NotebookState, notebookStates } from '@nabla/api/notebook'
import type { Deps } from '../../deps.ts'
import type { Handlers } from '../kind.ts'
import { followTaskMetrics, readTaskMetrics } from '../metric-query.ts'
import { readNotebook } from './planned.ts'
import { findNotebook } from './view.ts'

/** What a notebook uses and used, over all its sessions. */
export const notebookMetricHandlers: Pick<Handlers<'notebook'>, 'metrics' | 'followMetrics'> = {
  async metrics({ caller, params, query }, deps) {
    const row = await findNotebook(deps, caller, params.notebook)
    return readTaskMetrics(deps, row.id, readNotebook(row).task?.request.resources ?? null, query)
  },

  async followMetrics({ caller, params, ...request }, deps) {
    const { id } = await findNotebook(deps, caller, params.notebook)
    return followTaskMetrics(deps, id, request, () => hasEnded(deps, id))
  },
}

async function hasEnded({ db }: Deps, id: string): Promise<boolean> {
  const row = await db.selectFrom('notebooks').select('state').where('id', '=', id).executeTakeFirst()
  return !row || !notebookStates[row.state as NotebookState].active
}
