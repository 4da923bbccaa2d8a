import type { TensorboardState } from '@nabla/api/tensorboard'
import type { Deps } from '../../deps.ts'
import { fromIso, toIso } from '../../lib/clock.ts'
import { runningTask, type ServedKind } from '../served.ts'
import { keyOf, tensorboardPort } from './task.ts'

/** How old the time of the last use may be: noting every request would cost a write for each. */
const noteMs = 60_000

const reasons: Record<TensorboardState, string> = {
  starting: 'it is being started; its packages may still be installed',
  running: 'it is being started',
  stopping: 'it is being stopped: open it again from Nabla',
  stopped: 'it is stopped: open it again from Nabla',
  failed: 'it failed: `nabla tensorboard show` says why',
}

/** What TensorBoards serve, each at an address of its own. */
export const tensorboardServed: ServedKind = {
  prefix: 'tb',
  async find(deps, id, port) {
    if (port !== null) return null
    const row = await deps.db
      .selectFrom('tensorboards')
      .select(['id', 'name', 'teamId', 'state', 'usedAt', 'endedAt'])
      .where('id', '=', id)
      .where('deletedAt', 'is', null)
      .executeTakeFirst()
    if (!row) return null
    const state = row.state as TensorboardState
    return {
      teamId: row.teamId,
      name: `TensorBoard ${row.name}`,
      access: 'team',
      task: state === 'running' ? await runningTask(deps, row.id) : null,
      reason: reasons[state],
      starting: state === 'starting' || state === 'running',
      port: tensorboardPort,
      headers: { 'x-nabla-key': keyOf(deps.box, row.id) },
      observe: () => {
        if (deps.clock.now() - fromIso(row.usedAt) > noteMs) void noteUse(deps, row.id)
        return () => {}
      },
    }
  },
}

/** Somebody uses it now: it does not stop for being idle. A note that is lost is made up for by the next one. */
export async function noteUse({ db, clock }: Pick<Deps, 'db' | 'clock'>, id: string): Promise<void> {
  const usedAt = toIso(clock.now())
  await db
    .updateTable('tensorboards')
    .set({ usedAt })
    .where('id', '=', id)
    .execute()
    .catch(() => undefined)
}
