import type { Transaction } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { Deps } from '../deps.ts'
import { place } from './place.ts'
import { limits } from '../lib/limits.ts'
import { type Task, toTask } from '../tasks/task.ts'

export interface QueuePlace {
  position: number
  why: string
}

/**
 * Where a task stands in the queue and what it waits for, by the same rules that the control loop places it with.
 * Null when it is not waiting. Beyond `limits.placeWindow` tasks only the position is told.
 */
export async function queuePlace(deps: Deps, task: Task): Promise<QueuePlace | null> {
  if (task.state !== 'queued') return null
  const queued = await readQueue(deps.db)
  const holding = await deps.db.selectFrom('tasks').selectAll().where('state', 'in', ['placed', 'running']).execute()
  const { start, waiting } = place(queued, holding.map(toTask), deps.machineTypes.capacity, deps.clock.now())
  const found = waiting.find((other) => other.task.id === task.id)
  if (found) return { position: found.position, why: found.why }
  if (start.some((other) => other.task.id === task.id)) return { position: 1, why: 'it is about to start' }
  return { position: await countBefore(deps, task), why: 'others are before it in the queue' }
}

/** The head of the queue: as many waiting tasks as are looked at for a place at a time. */
export async function readQueue(db: Pick<Transaction<Tables>, 'selectFrom'>): Promise<Task[]> {
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('state', '=', 'queued')
    .orderBy('priority', 'desc')
    .orderBy('createdAt')
    .orderBy('id')
    .limit(limits.placeWindow)
    .execute()
  return rows.map(toTask)
}

async function countBefore(deps: Deps, task: Task): Promise<number> {
  const { count } = await deps.db
    .selectFrom('tasks')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('state', '=', 'queued')
    .where(({ eb, and, or }) =>
      or([
        eb('priority', '>', task.priority),
        and([eb('priority', '=', task.priority), eb('createdAt', '<', task.createdAt)]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return Number(count) + 1
}
