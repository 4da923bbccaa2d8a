import { countFits } from '../control/place.ts'
import { readHeld } from '../control/queue.ts'
import type { Handlers } from './kind.ts'

export const machineTypeHandlers: Handlers<'machine-type'> = {
  async list(_request, deps) {
    const { all, default: fallback, capacity } = deps.machineTypes
    const { holding } = await readHeld(deps.db)
    const items = all.map((type) => {
      const available = countFits(type, holding, type.engine, capacity)
      const { images: _, ...shown } = type
      return { ...shown, pricePerHour: type.pricePerHour ?? null, isDefault: type === fallback, available }
    })
    return { items, next: null }
  },
}
