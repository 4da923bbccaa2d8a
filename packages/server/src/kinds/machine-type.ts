import { countFits } from '../control/place.ts'
import { toTask } from '../tasks/task.ts'
import type { Handlers } from './kind.ts'

export const machineTypeHandlers: Handlers<'machine-type'> = {
  async list(_request, deps) {
    const { all, default: fallback, capacity } = deps.machineTypes
    const rows = await deps.db.selectFrom('tasks').selectAll().where('state', 'in', ['placed', 'running']).execute()
    const holding = rows.map(toTask)
    const items = all.map((type) => {
      const available = countFits(type, holding, type.engine, capacity)
      return { ...type, isDefault: type === fallback, available }
    })
    return { items, next: null }
  },
}
