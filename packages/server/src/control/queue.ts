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
  const holding = await fromHeld(deps.db).selectAll().where('state', 'in', ['placed', 'running']).execute()
  const { start, waiting } = place(queued, holding.map(toTask), deps.machineTypes.capacity, deps.clock.now())
  const found = waiting.find((other) => other.task.id === task.id)
  if (found) return { position: found.position, why: found.why }
  if (start.some((other) => other.task.id === task.id)) return { position: 1, why: 'it is about to start' }
  return { position: await countBefore(deps, task), why: 'others are before it in the queue' }
}

/**
 * The tasks that wait, in the order of the queue, with what they wait for: as many as are looked at for a place at a
 * time, of all teams.
 */
export async function queueHead(deps: Deps): Promise<(QueuePlace & { task: Task })[]> {
  const queued = await readQueue(deps.db)
  const holding = await fromHeld(deps.db).selectAll().where('state', 'in', ['placed', 'running']).execute()
  const { start, waiting } = place(queued, holding.map(toTask), deps.machineTypes.capacity, deps.clock.now())
  const starting = start.map(({ task }) => ({ task, position: 1, why: 'it is about to start' }))
  return [...starting, ...waiting]
}

/**
 * The head of the queue: as many waiting tasks as are looked at for a place at a time.
 *
 * @param known tasks that an earlier call read, by id, and then those of this one: a task that waits hardly changes,
 * and most of the work is in reading the same ones again and again
 */
export async function readQueue(db: Database, known = new Map<string, Task>()): Promise<Task[]> {
  const order = await fromHeld(db)
    .select(['id', 'version'])
    .where('state', '=', 'queued')
    .orderBy('priority', 'desc')
    .orderBy('createdAt')
    .orderBy('id')
    .limit(limits.placeWindow)
    .execute()
  const unknown = order.filter(({ id, version }) => known.get(id)?.version !== version).map(({ id }) => id)
  const rows = unknown.length === 0 ? [] : await fromHeld(db).selectAll().where('id', 'in', unknown).execute()
  const read = new Map(rows.map((row) => [row.id, toTask(row)]))
  const queue = order.flatMap(({ id }) => read.get(id) ?? known.get(id) ?? [])
  known.clear()
  for (const task of queue) known.set(task.id, task)
  return queue
}

/** All tasks that hold a part of the machine, and how many wait for one; of however many there ever were. */
export async function readHeld(db: Database): Promise<{ holding: Task[]; queued: number }> {
  const rows = await fromHeld(db).selectAll().where('state', 'in', ['placed', 'running']).execute()
  const { count } = await fromHeld(db)
    .select(({ fn }) => fn.countAll().as('count'))
    .where('state', '=', 'queued')
    .executeTakeFirstOrThrow()
  return { holding: rows.map(toTask), queued: Number(count) }
}

type Database = Pick<Transaction<Tables>, 'selectFrom'>

/** Tasks that are not done with. Without the condition a query goes through all there ever were. */
const fromHeld = (db: Database) => db.selectFrom('tasks').where('removedAt', 'is', null)

async function countBefore(deps: Deps, task: Task): Promise<number> {
  const { count } = await fromHeld(deps.db)
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
