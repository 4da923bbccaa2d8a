import { queueHead } from '../../control/queue.ts'
import { selectJobs } from '../job/view.ts'
import type { Handlers } from '../kind.ts'

/** What waits: of the caller's team, with its place among all. */
export const queueHandlers: Pick<Handlers<'server'>, 'queue'> = {
  async queue({ caller, query }, deps) {
    const head = await queueHead(deps)
    if (head.length === 0) return { items: [], next: null }
    const owners = head.map(({ task }) => task.ownerId)
    const rows = await selectJobs(deps.db, caller.teamId).where('jobs.id', 'in', owners).execute()
    const jobs = new Map(rows.map((row) => [row.id, row]))
    const items = head.flatMap(({ task, position, why }) => {
      const row = jobs.get(task.ownerId)
      if (!row) return []
      const { id, name, projectId, projectName, createdAt } = row
      const project = { id: projectId, name: projectName }
      return [{ job: { id, name }, project, machineType: task.machineType, position, why, createdAt }]
    })
    return { items: items.slice(0, query.limit), next: null }
  },
}
