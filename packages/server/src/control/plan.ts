import type { Transaction } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { Deps } from '../deps.ts'
import { type NewEvent, recordEvents } from '../events/record.ts'
import { plannedKinds } from '../kinds/index.ts'
import { toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { cutShort, insertTask, type Task, updateTask } from '../tasks/task.ts'

/** A line for a log, written once the transaction that decided it is durable. */
export interface Note {
  logId: string
  attempt: number
  text: string
  /** The attempt has ended, and its log with it: the line has to be numbered on its own. */
  late: boolean
}

export interface PlanResult {
  notes: Note[]
  /** Resources that changed under our hands: to be looked at again. */
  stale: string[]
  /** Resources whose logs are complete now. */
  ended: string[]
  /** Resources that others gave a reason to be looked at, in the same pass. */
  more: string[]
}

type Kind = (typeof plannedKinds)[number]

/**
 * Plans resources and applies what their planners ask for, all within one transaction. A row that another writer
 * changed meanwhile is left alone and reported as stale.
 *
 * @param tasksOf all tasks of each resource, by attempt
 */
export async function planAll(
  deps: Deps,
  trx: Transaction<Tables>,
  ids: readonly string[],
  tasksOf: ReadonlyMap<string, readonly Task[]>,
  now: number,
): Promise<PlanResult> {
  const result: PlanResult = { notes: [], stale: [], ended: [], more: [] }
  const events: NewEvent[] = []
  for (const kind of plannedKinds) {
    const own = ids.filter((id) => isOf(kind, id))
    if (own.length === 0) continue
    for (const row of await kind.load(trx, own)) {
      const tasks = tasksOf.get(row.id) ?? []
      const actions = planSafely(kind, row, tasks, now, deps.log)
      await apply({ deps, trx, kind, row, tasks, now, result, events }, actions)
      const parent = kind.parentOf?.(row)
      if (parent) result.more.push(parent)
    }
  }
  await recordEvents(trx, now, events)
  return result
}

/** Whether an id is one of this kind: its prefix is followed by the 16 characters of every id. */
const isOf = (kind: Kind, id: string): boolean => id.startsWith(kind.prefix) && id.length === kind.prefix.length + 16

type Row = Awaited<ReturnType<Kind['load']>>[number]
type Actions = ReturnType<Kind['plan']>

/** A planner that throws is a bug; it must not keep all other resources from being looked after. */
function planSafely(kind: Kind, row: Row, tasks: readonly Task[], now: number, log: Deps['log']): Actions {
  try {
    return kind.plan(row, tasks, now)
  } catch (error) {
    log.error({ err: error, subject: row.id }, 'its planner failed; it is left as it is')
    return []
  }
}

interface Planned {
  deps: Deps
  trx: Transaction<Tables>
  kind: Kind
  row: Row
  tasks: readonly Task[]
  now: number
  result: PlanResult
  events: NewEvent[]
}

async function apply(planned: Planned, actions: Actions): Promise<void> {
  const { deps, trx, kind, row, tasks, now, result, events } = planned
  const changes: Parameters<Kind['update']>[2] = {}
  if (row.wakeAt !== null && row.wakeAt <= toIso(now)) changes.wakeAt = null
  for (const action of actions) {
    if (action.do === 'setStatus') Object.assign(changes, action.changes)
    if (action.do === 'wakeAt') changes.wakeAt = action.at === null ? null : toIso(action.at)
  }
  if (changes.endedAt) changes.wakeAt = null
  // A task is made by what the row said, so the row must still say it: a change of the priority, say, is not missed.
  const makes = actions.some((action) => action.do === 'addTask' || action.do === 'create')
  const writes = Object.keys(changes).length > 0 || makes
  if (writes && !(await kind.update(trx, row, changes))) {
    result.stale.push(row.id)
    return
  }
  if (changes.endedAt && kind.ownsTasks) result.ended.push(row.id)
  const { teamId, projectId } = row
  for (const action of actions) {
    if (action.do === 'addTask') await insertTask(trx, action.task, now)
    if (action.do === 'note') {
      const { attempt, text } = action
      const late = tasks.some((task) => task.attempt === attempt && task.state === 'ended')
      result.notes.push({ logId: row.id, attempt, text, late })
    }
    if (action.do === 'stopTask' && (await stopTask(trx, tasks, action, now))) result.stale.push(row.id)
    if (action.do === 'create') result.more.push(...((await kind.create?.(deps, trx, row, action.children, now)) ?? []))
    if (action.do === 'setStatus' && action.event) {
      const { type, data } = action.event
      events.push({ teamId, projectId, subject: row.id, actor: null, type, data: { name: row.name, ...data } })
    }
  }
  const stops = actions.filter((action) => action.do === 'stopChild')
  if (stops.length === 0) return
  await kind.stop?.(trx, stops, now)
  result.more.push(...stops.map(({ id }) => id))
}

/**
 * A queued task ends at once; any other is stopped by its engine when the loop acts. Answers whether its resource has
 * to be looked at again.
 */
async function stopTask(
  trx: Transaction<Tables>,
  tasks: readonly Task[],
  stop: { taskId: string; graceMs: number; why: string },
  now: number,
): Promise<boolean> {
  const task = tasks.find((task) => task.id === stop.taskId)
  if (!task) return false
  const asked = { desired: 'stop', stopGraceMs: stop.graceMs, stopReason: stop.why }
  const never = { state: 'ended', exit: JSON.stringify(cutShort), endedAt: toIso(now), removedAt: toIso(now) }
  const queued = task.state === 'queued'
  const updated = await updateTask(trx, task, queued ? { ...asked, ...never } : asked)
  return queued || !updated
}

/**
 * Plans resources, then those that they gave a reason to be looked at: makers and made, in turn. What is left after
 * some rounds is for the next pass.
 */
export async function planRounds(
  plan: (ids: readonly string[]) => Promise<PlanResult>,
  ids: readonly string[],
): Promise<PlanResult> {
  const total = await plan(ids)
  for (let round = 1; total.more.length > 0; round++) {
    const more = [...new Set(total.more.splice(0))]
    if (round === limits.planRounds) total.stale.push(...more)
    else mergePlans(total, await plan(more))
  }
  return total
}

/** Adds what came of planning others. */
export function mergePlans(total: PlanResult, more: PlanResult): void {
  total.notes.push(...more.notes)
  total.stale.push(...more.stale)
  total.ended.push(...more.ended)
  total.more.push(...more.more)
}

/** Ids of all resources that are not final, of every kind. */
export async function openIds(trx: Transaction<Tables>): Promise<string[]> {
  const ids: string[] = []
  for (const kind of plannedKinds) ids.push(...(await kind.open(trx)))
  return ids
}

/** Ids of the resources whose time has come, and when the next one's will. */
export async function dueIds(trx: Transaction<Tables>, now: number): Promise<string[]> {
  const ids: string[] = []
  for (const kind of plannedKinds) ids.push(...(await kind.due(trx, toIso(now))))
  return ids
}

/** The next time at which a resource wants to be looked at, in milliseconds since the epoch; null: none does. */
export async function nextDue(trx: Transaction<Tables>): Promise<number | null> {
  const times: number[] = []
  for (const kind of plannedKinds) {
    const next = await kind.nextDue(trx)
    if (next !== null) times.push(Date.parse(next))
  }
  return times.length === 0 ? null : Math.min(...times)
}
