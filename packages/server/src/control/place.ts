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
 * passes it on its engine, so that a large task is never starved by small ones. The tasks of a gang are one in all
 * this: they start together or not at all, so that no two gangs can each hold what the other waits for.
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
  for (const task of holding) held.set(task.teamId, (held.get(task.teamId) ?? 0) + wantsOf(task).cpus)
  const ports = new Set(holding.flatMap((task) => portsOf(task, capacity)))
  const closed = new Map<string, string>()
  const placement: Placement = { start: [], waiting: [] }
  let position = 0

  for (const tasks of inTurn(unitsOf(queued), held)) {
    const [first] = tasks
    const pool = pools.get(first.engine) ?? first.engine
    const room = free.get(pool)
    const given = (first.request.takesNoPlace ? undefined : closed.get(pool)) ?? fit(tasks, room, capacity, ports)
    if (typeof given !== 'string') {
      Object.assign(room!, given.left)
      for (const task of tasks) {
        for (const port of portsOf(task, capacity)) ports.add(port)
        held.set(task.teamId, (held.get(task.teamId) ?? 0) + wantsOf(task).cpus)
      }
      placement.start.push(...given.start)
      continue
    }
    position += 1
    placement.waiting.push(...tasks.map((task) => ({ task, position, why: given })))
    const closes = room && wouldFit(tasks, capacity, ports)
    if (closes && !closed.has(pool) && now - Date.parse(first.createdAt) > overtakeMs) {
      closed.set(pool, 'a larger job before it has waited long and is next')
    }
  }
  return placement
}

/**
 * Why tasks that are started together can never be, on this machine, as a clause; null when they can. Pure.
 *
 * @param wants what each of them needs, and on which engine
 */
export function gangObstacle(
  wants: readonly { engine: string; resources: Wants }[],
  capacity: ReadonlyMap<string, Capacity>,
): string | null {
  const has = capacity.get(wants[0]?.engine ?? '')
  if (!has) return `the engine ${wants[0]?.engine} is not running on this server`
  const { cpus, memoryBytes, gpus } = sumOf(wants.map(({ resources }) => resources))
  if (gpus > has.gpus.length) return `all nodes together need ${gpus} GPUs, and this machine has ${has.gpus.length}`
  if (cpus > has.cpus + epsilon) return `all nodes together need ${cpus} processors, and this machine has ${has.cpus}`
  const gib = (bytes: number) => `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`
  if (memoryBytes <= has.memoryBytes) return null
  return `all nodes together need ${gib(memoryBytes)} of memory, and this machine has ${gib(has.memoryBytes)}`
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

/** What is held of what there is to give out, counted as `place` counts. Pure. */
export function givenOut(holding: readonly Task[], capacity: ReadonlyMap<string, Capacity>) {
  const all = machinesOf(capacity)
  const taken = sumOf(holding.map(wantsOf))
  return {
    cpus: { taken: taken.cpus, all: all.reduce((sum, { cpus }) => sum + cpus, 0) },
    memoryBytes: { taken: taken.memoryBytes, all: all.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) },
    gpus: { taken: taken.gpus, all: all.reduce((sum, { gpus }) => sum + gpus.length, 0) },
  }
}

/** What there is to give out, once where several engines share it. */
export function machinesOf(capacity: ReadonlyMap<string, Capacity>): Capacity[] {
  return [...new Map([...capacity].map(([engine, has]) => [poolOf(engine, has), has])).values()]
}

interface Room {
  cpus: number
  memoryBytes: number
  gpus: number[]
}

interface Wants {
  cpus: number
  memoryBytes: number
  gpus: number
}

/** What is counted of a task. */
const wantsOf = ({ request }: Task): Wants =>
  request.takesNoPlace ? { cpus: 0, memoryBytes: 0, gpus: 0 } : request.resources

/** Tasks that get their places together: a gang, or one task by itself. */
type Unit = readonly [Task, ...Task[]]

function unitsOf(queued: readonly Task[]): Unit[] {
  const groups = Map.groupBy([...queued].sort(byPriorityThenAge), (task) => task.request.gang?.id ?? task.id)
  return [...groups.values()].map(([first, ...others]) => [first!, ...others])
}

/** Places for all tasks of a unit and what is then left, or what keeps it from starting, as a clause. */
function fit(
  tasks: Unit,
  room: Room | undefined,
  capacity: ReadonlyMap<string, Capacity>,
  taken: ReadonlySet<string>,
): { start: Start[]; left: Room } | string {
  const size = tasks[0].request.gang?.size ?? 1
  if (tasks.length < size) return `the other ${size - tasks.length} of its ${size} nodes are not in the queue yet`
  const left: Room = { cpus: 0, memoryBytes: 0, ...room, gpus: [...(room?.gpus ?? [])] }
  const ports = new Set(taken)
  const start: Start[] = []
  for (const task of tasks) {
    const why = obstacle(task, room && left, capacity, ports)
    if (why !== null) return size === 1 ? why : gangWhy(tasks, why)
    const { cpus, memoryBytes, gpus } = wantsOf(task)
    start.push({ task, gpus: left.gpus.splice(0, gpus) })
    left.cpus -= cpus
    left.memoryBytes -= memoryBytes
    for (const port of portsOf(task, capacity)) ports.add(port)
  }
  return { start, left }
}

const gangWhy = (tasks: Unit, why: string): string => `for its ${tasks.length} nodes together, ${why}`

/** Whether it is only others that keep it from starting, and not for the sake of a port. */
function wouldFit(tasks: Unit, capacity: ReadonlyMap<string, Capacity>, ports: ReadonlySet<string>): boolean {
  if (tasks.length < (tasks[0].request.gang?.size ?? 1)) return false
  const wants = tasks.map((task) => ({ engine: task.engine, resources: wantsOf(task) }))
  return gangObstacle(wants, capacity) === null && !tasks.some((task) => portTaken(task, capacity, ports) !== undefined)
}

function sumOf(wants: readonly Wants[]): Wants {
  const sum = (of: (one: Wants) => number) => wants.reduce((total, one) => total + of(one), 0)
  return { cpus: sum((one) => one.cpus), memoryBytes: sum((one) => one.memoryBytes), gpus: sum((one) => one.gpus) }
}

/** What gives out the same processors: a machine that several engines share, or an engine of its own. */
function poolOf(engine: string, has: Capacity | undefined): string {
  return has?.machine === undefined ? `engine ${engine}` : `machine ${has.machine}`
}

/** Ports that another task cannot have meanwhile. */
function portsOf(task: Task, capacity: ReadonlyMap<string, Capacity>): string[] {
  const has = capacity.get(task.engine)
  if (has?.ownPorts) return []
  // One that has an address of its own there may listen on the same port as others.
  const { gang } = task.request
  const address = gang?.hosts[gang.hostname] ?? ''
  return task.request.ports.map((port) => `${poolOf(task.engine, has)}:${address}:${port}`)
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
    const { cpus, memoryBytes } = wantsOf(task)
    room.cpus -= cpus
    room.memoryBytes -= memoryBytes
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
function* inTurn(units: readonly Unit[], held: ReadonlyMap<string, number>): Generator<Unit> {
  const byPriority = Map.groupBy(units, ([first]) => first.priority)
  for (const [, own] of [...byPriority].sort(([a], [b]) => b - a)) {
    const teams = [...Map.groupBy(own, ([first]) => first.teamId)].map(([team, queue]) => ({ team, queue, next: 0 }))
    for (let left = own.length; left > 0; left--) {
      const open = teams.filter((team) => team.next < team.queue.length)
      const turn = open.reduce((best, team) => {
        const less = (held.get(team.team) ?? 0) - (held.get(best.team) ?? 0)
        const older = byPriorityThenAge(team.queue[team.next]![0], best.queue[best.next]![0])
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
  const wants = wantsOf(task)
  const never = neverFits(task, has)
  if (never !== null) return never
  if (wants.gpus > room.gpus.length) return `all GPUs are taken (it needs ${wants.gpus})`
  if (wants.cpus > room.cpus + epsilon) return `the processors are taken (it needs ${wants.cpus})`
  if (wants.memoryBytes > room.memoryBytes) return 'the memory is taken'
  const port = portTaken(task, capacity, ports)
  return port === undefined ? null : `port ${port} is in use by another job`
}

function neverFits(task: Task, has: Capacity): string | null {
  const wants = wantsOf(task)
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
