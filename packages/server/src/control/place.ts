import type { Capacity } from '../engines/engine.ts'
import type { Task } from '../tasks/task.ts'

/** Waiting tasks at the head of the queue for longer than this let nothing smaller pass any more. */
export const overtakeMs = 5 * 60_000

export interface Start {
  task: Task
  /** Indexes of the GPUs it is given. */
  gpus: number[]
}

export interface Waiting {
  task: Task
  /** 1 is next. */
  position: number
  why: string
}

export interface Placement {
  start: Start[]
  waiting: Waiting[]
}

/**
 * Decides which queued tasks start now, and says of the others what they wait for. Pure.
 *
 * Order: higher priority first; within one priority the team that holds fewer processors, then first come, first
 * served. A task that does not fit lets smaller ones behind it pass, until it has waited `overtakeMs`: then nothing
 * passes it on its engine, so that a large task is never starved by small ones.
 *
 * @param queued tasks in state `queued` that should run
 * @param holding tasks in state `placed` or `running`: what they hold is not free
 * @param capacity what each engine has in all
 * @param now milliseconds since the epoch
 */
export function place(
  queued: readonly Task[],
  holding: readonly Task[],
  capacity: ReadonlyMap<string, Capacity>,
  now: number,
): Placement {
  const free = new Map([...capacity].map(([engine, has]) => [engine, freeOf(has, holding, engine)]))
  const held = new Map<string, number>()
  for (const task of holding) held.set(task.teamId, (held.get(task.teamId) ?? 0) + task.request.resources.cpus)
  const ports = new Set(holding.flatMap((task) => task.request.ports.map((port) => `${task.engine}:${port}`)))
  const closed = new Map<string, string>()
  const placement: Placement = { start: [], waiting: [] }

  const rest = [...queued].sort(byPriorityThenAge)
  while (rest.length > 0) {
    const task = takeNext(rest, held)
    const room = free.get(task.engine)
    const why = closed.get(task.engine) ?? obstacle(task, room, capacity.get(task.engine), ports)
    if (why === null && room) {
      const gpus = room.gpus.splice(0, task.request.resources.gpus)
      room.cpus -= task.request.resources.cpus
      room.memoryBytes -= task.request.resources.memoryBytes
      for (const port of task.request.ports) ports.add(`${task.engine}:${port}`)
      held.set(task.teamId, (held.get(task.teamId) ?? 0) + task.request.resources.cpus)
      placement.start.push({ task, gpus })
      continue
    }
    placement.waiting.push({ task, position: placement.waiting.length + 1, why: why ?? 'its engine is not running' })
    if (!closed.has(task.engine) && now - Date.parse(task.createdAt) > overtakeMs) {
      closed.set(task.engine, 'a larger job before it has waited long and is next')
    }
  }
  return placement
}

interface Room {
  cpus: number
  memoryBytes: number
  gpus: number[]
}

function freeOf(has: Capacity, holding: readonly Task[], engine: string): Room {
  const room: Room = { cpus: has.cpus, memoryBytes: has.memoryBytes, gpus: has.gpus.map((gpu) => gpu.index) }
  for (const task of holding) {
    if (task.engine !== engine) continue
    room.cpus -= task.request.resources.cpus
    room.memoryBytes -= task.request.resources.memoryBytes
    room.gpus = room.gpus.filter((index) => !task.gpus.includes(index))
  }
  return room
}

function byPriorityThenAge(a: Task, b: Task): number {
  if (a.priority !== b.priority) return b.priority - a.priority
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  return a.id < b.id ? -1 : 1
}

/** Among the tasks of the highest priority, the first of the team that holds least. Removes it from `rest`. */
function takeNext(rest: Task[], held: ReadonlyMap<string, number>): Task {
  const top = rest[0]!.priority
  let best = 0
  for (let index = 1; index < rest.length && rest[index]!.priority === top; index++) {
    if ((held.get(rest[index]!.teamId) ?? 0) < (held.get(rest[best]!.teamId) ?? 0)) best = index
  }
  return rest.splice(best, 1)[0]!
}

/** Rounding of fractions of processors must not keep a task out. */
const epsilon = 1e-6

/** What keeps a task from starting, as a clause; null when nothing does. */
function obstacle(
  task: Task,
  room: Room | undefined,
  has: Capacity | undefined,
  ports: ReadonlySet<string>,
): string | null {
  if (!room || !has) return `the engine ${task.engine} is not running on this server`
  const wants = task.request.resources
  if (wants.cpus > has.cpus + epsilon || wants.memoryBytes > has.memoryBytes || wants.gpus > has.gpus.length) {
    return `machine type ${task.machineType} is larger than this machine`
  }
  if (wants.gpus > room.gpus.length) return `all GPUs are taken (it needs ${wants.gpus})`
  if (wants.cpus > room.cpus + epsilon) return `the processors are taken (it needs ${wants.cpus})`
  if (wants.memoryBytes > room.memoryBytes) return 'the memory is taken'
  const port = task.request.ports.find((port) => ports.has(`${task.engine}:${port}`))
  return port === undefined ? null : `port ${port} is in use by another job`
}
