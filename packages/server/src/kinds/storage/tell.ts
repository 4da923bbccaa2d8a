import { change } from '../../events/change.ts'
import { recordEvents } from '../../events/record.ts'
import type { EventFeed } from '../../events/feed.ts'
import type { Deps } from '../../deps.ts'
import { limits } from '../../lib/limits.ts'
import type { Caller } from '../kind.ts'

/** What changed in the storage of a team, and nobody has been told of. */
interface Untold {
  volume: string
  actor: string
  paths: Set<string>
  more: boolean
}

/** What is untold by team, for each server. */
const untold = new WeakMap<EventFeed, Map<string, Untold>>()

/**
 * Tells those who look at the storage that something in it changed: an event `storage.changed`, at once for the first
 * change and then one for all that change within `limits.storageToldMs`, however many files are written. It is a hint,
 * told after the change itself: one that is lost with the server is seen by whoever looks.
 */
export function tellOfStorage(deps: Deps, caller: Caller, volume: string, ...paths: string[]): void {
  const teams = untold.get(deps.feed) ?? new Map<string, Untold>()
  untold.set(deps.feed, teams)
  const waiting = teams.get(caller.teamId)
  const told = waiting ?? { volume, actor: caller.userName, paths: new Set<string>(), more: false }
  for (const path of paths) {
    if (told.paths.size < limits.storageToldPaths) told.paths.add(path)
    else told.more = true
  }
  if (waiting) return
  teams.set(caller.teamId, told)
  void tellOn(deps, teams, caller.teamId)
}

async function tellOn(deps: Deps, teams: Map<string, Untold>, teamId: string): Promise<void> {
  for (let told = teams.get(teamId); told && told.paths.size > 0; told = teams.get(teamId)) {
    const { volume, actor, paths, more } = told
    teams.set(teamId, { volume, actor, paths: new Set(), more: false })
    const data = { name: [...paths][0], paths: [...paths], ...(more && { more }) }
    const event = { teamId, subject: volume, type: 'storage.changed', actor, data }
    try {
      await change(deps, (trx) => recordEvents(trx, deps.clock.now(), [event]))
    } catch (error) {
      deps.log.warn({ err: error }, 'nobody was told of a change of the storage')
    }
    await new Promise<void>((resolve) => void deps.clock.after(limits.storageToldMs, resolve))
  }
  teams.delete(teamId)
}
