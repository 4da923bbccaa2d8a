import type { CheckReport } from '@nabla/api/tree'
import type { Deps } from '../deps.ts'
import { AppError } from '../lib/app-error.ts'
import type { FsckReport } from '../trees/chunk-store.ts'
import type { Caller, Handlers, StreamItem } from './kind.ts'

export const treeHandlers: Handlers<'tree'> = {
  async lacking({ caller, body }, deps) {
    refuseWhenFull(deps)
    const { chunks, segments } = await deps.chunks.lacking(caller.teamId, body)
    return { chunks: [...chunks], segments: [...segments] }
  },

  send({ caller, upload, headers, signal }, deps) {
    refuseWhenFull(deps)
    const announced = headers['content-length']
    const sizeBytes = announced === undefined ? undefined : Number(announced)
    return deps.chunks.receive(caller.teamId, upload, { signal, sizeBytes })
  },

  commit({ caller, body, signal }, deps) {
    refuseWhenFull(deps)
    return deps.chunks.commit(caller.teamId, body.digest, signal)
  },

  check: ({ caller, signal }, deps) => ({ events: checkEvents(deps, caller, signal) }),
}

/** Names of the teams that trees belong to, for a report that is shown to the owner of the whole server. */
export async function describeCheck({ db }: Pick<Deps, 'db'>, report: FsckReport): Promise<CheckReport> {
  const teams = await db.selectFrom('teams').select(['id', 'name']).execute()
  const names = new Map(teams.map(({ id, name }) => [id, name]))
  const affectedTrees = report.affectedTrees.map(({ digest, teamId, missing, volumes }) => ({
    digest,
    team: names.get(teamId) ?? teamId,
    missing,
    volumes: volumes.map(({ purpose, id }) => `${purpose} ${id}`),
  }))
  return { ...report, affectedTrees, otherAffectedTrees: 0 }
}

/** How often a client hears how far a check is. */
const progressMs = 500

async function* checkEvents(deps: Deps, caller: Caller, signal: AbortSignal): AsyncGenerator<StreamItem> {
  const checking = deps.chunks.fsck(signal)
  let [id, toldAt] = [0, -Infinity]
  for (;;) {
    const step = await checking.next()
    if (step.done) {
      const own = step.value.affectedTrees.filter(({ teamId }) => teamId === caller.teamId)
      const report = await describeCheck(deps, { ...step.value, affectedTrees: own })
      const otherAffectedTrees = step.value.affectedTrees.length - own.length
      yield { id: String(id), data: { ...report, otherAffectedTrees } }
      return
    }
    if (deps.clock.steady() - toldAt < progressMs) continue
    toldAt = deps.clock.steady()
    yield { id: String(id++), data: step.value }
  }
}

function refuseWhenFull({ ballast }: Deps): void {
  if (ballast.isReleased) throw new AppError('disk_full')
}
