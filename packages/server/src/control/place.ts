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
 * @param capacity what each engine has in all; engines of one machine have the same, and share it
 * @param now milliseconds since the epoch
 */
export function place(
  queued: readonly Task[],
  holding: readonly Task[],
  capacity: ReadonlyMap<string, Capacity>,
  now: number,
): Placement {
  const pools = new Map([...capacity].map(([engine, has]) => [engine, poolOf(engine, has)]))
  const free = new Map<string, Room>()
  for (const [engine, has] of capacity) free.set(pools.get(engine)!, freeOf(has, holding, engine, capacity))
  const held = new Map<string, number>()
  for (const task of holding) held.set(task.teamId, (held.get(task.teamId) ?? 0) + task.request.resources.cpus)
  const ports = new Set(holding.flatMap((task) => portsOf(task, capacity)))
  const closed = new Map<string, string>()
  const placement: Placement = { start: [], waiting: [] }

  for (const task of inTurn(queued, held)) {
    const pool = pools.get(task.engine) ?? task.engine
    const room = free.get(pool)
    const why = closed.get(pool) ?? obstacle(task, room, capacity, ports)
    if (why === null && room) {
      const gpus = room.gpus.splice(0, task.request.resources.gpus)
      room.cpus -= task.request.resources.cpus
      room.memoryBytes -= task.request.resources.memoryBytes
      for (const port of portsOf(task, capacity)) ports.add(port)
      held.set(task.teamId, (held.get(task.teamId) ?? 0) + task.request.resources.cpus)
      placement.start.push({ task, gpus })
      continue
    }
    placement.waiting.push({ task, position: placement.waiting.length + 1, why: why ?? 'its engine is not running' })
    const fits =
      room && neverFits(task, capacity.get(task.engine)!) === null && portTaken(task, capacity, ports) === undefined
    if (fits && !closed.has(pool) && now - Date.parse(task.createdAt) > overtakeMs) {
      closed.set(pool, 'a larger job before it has waited long and is next')
    }
  }
  return placement
}

/** How many tasks that want this much could start beside those that hold something. */
export function countFits(
  wants: { cpus: number; memoryBytes: number; gpus: number },
  holding: readonly Task[],
  engine: string,
  capacity: ReadonlyMap<string, Capacity>,
): number {
  const has = capacity.get(engine)
  if (!has) return 0
  const room = freeOf(has, holding, engine, capacity)
  const byGpus = wants.gpus === 0 ? Infinity : room.gpus.length / wants.gpus
  const fits = Math.min((room.cpus + epsilon) / wants.cpus, room.memoryBytes / wants.memoryBytes, byGpus)
  return Math.max(0, Math.floor(fits))
}

interface Room {
  cpus: number
  memoryBytes: number
  gpus: number[]
}

/** What gives out the same processors: a machine that several engines share, or an engine of its own. */
function poolOf(engine: string, has: Capacity | undefined): string {
  return has?.machine === undefined ? `engine ${engine}` : `machine ${has.machine}`
}

/** Ports that another task cannot have meanwhile. */
function portsOf(task: Task, capacity: ReadonlyMap<string, Capacity>): string[] {
  const has = capacity.get(task.engine)
  if (has?.ownPorts) return []
  return task.request.ports.map((port) => `${poolOf(task.engine, has)}:${port}`)
}

function freeOf(
  has: Capacity,
  holding: readonly Task[],
  engine: string,
  capacity: ReadonlyMap<string, Capacity>,
): Room {
  const room: Room = { cpus: has.cpus, memoryBytes: has.memoryBytes, gpus: has.gpus.map((gpu) => gpu.index) }
  for (const task of holding) {
    if (poolOf(task.engine, capacity.get(task.engine)) !== poolOf(engine, has)) continue
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

/** The queue in the order of `place`. `held` is read at each step, so a task just started counts for its team. */
function* inTurn(queued: readonly Task[], held: ReadonlyMap<string, number>): Generator<Task> {
  const byPriority = Map.groupBy([...queued].sort(byPriorityThenAge), (task) => task.priority)
  for (const tasks of byPriority.values()) {
    const teams = [...Map.groupBy(tasks, (task) => task.teamId)].map(([team, queue]) => ({ team, queue, next: 0 }))
    for (let left = tasks.length; left > 0; left--) {
      const open = teams.filter((team) => team.next < team.queue.length)
      const turn = open.reduce((best, team) => {
        const less = (held.get(team.team) ?? 0) - (held.get(best.team) ?? 0)
        const older = byPriorityThenAge(team.queue[team.next]!, best.queue[best.next]!)
        return less < 0 || (less === 0 && older < 0) ? team : best
      })
      yield turn.queue[turn.next++]!
    }
  }
}

/** Rounding of fractions of processors must not keep a task out. */
const epsilon = 1e-6

/** What keeps a task from starting, as a clause; null when nothing does. */
function obstacle(
  task: Task,
  room: Room | undefined,
  capacity: ReadonlyMap<string, Capacity>,
  ports: ReadonlySet<string>,
): string | null {
  const has = capacity.get(task.engine)
  if (!room || !has) return `the engine ${task.engine} is not running on this server`
  const wants = task.request.resources
  const never = neverFits(task, has)
  if (never !== null) return never
  if (wants.gpus > room.gpus.length) return `all GPUs are taken (it needs ${wants.gpus})`
  if (wants.cpus > room.cpus + epsilon) return `the processors are taken (it needs ${wants.cpus})`
  if (wants.memoryBytes > room.memoryBytes) return 'the memory is taken'
  const port = portTaken(task, capacity, ports)
  return port === undefined ? null : `port ${port} is in use by another job`
}

function neverFits(task: Task, has: Capacity): string | null {
  const wants = task.request.resources
  const fits = wants.cpus <= has.cpus + epsilon && wants.memoryBytes <= has.memoryBytes && wants.gpus <= has.gpus.length
  return fits ? null : `machine type ${task.machineType} is larger than this machine`
}

function portTaken(
  task: Task,
  capacity: ReadonlyMap<string, Capacity>,
  ports: ReadonlySet<string>,
): number | undefined {
  const index = portsOf(task, capacity).findIndex((port) => ports.has(port))
  return task.request.ports[index]
}
