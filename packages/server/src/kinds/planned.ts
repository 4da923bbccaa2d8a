import type { Transaction } from 'kysely'
import type { Action, ChildStop } from '../control/action.ts'
import type { Tables } from '../db/tables.ts'
import type { Deps } from '../deps.ts'
import type { Mount } from '../engines/engine.ts'
import type { Task } from '../tasks/task.ts'

/** A row that the loop looks after. */
export interface PlannedRow {
  id: string
  name: string
  teamId: string
  projectId: string
  version: number
  wakeAt: string | null
}

/** What every planner may change, whatever else it does. */
export interface PlannedChanges {
  endedAt?: string | null
}

/**
 * What the loop must know of a kind that owns tasks, or resources that do. Reads and writes are one query each; `plan`
 * is pure. Members are methods, so that the loop can hold all kinds in one list.
 */
export interface PlannedKind<Row extends PlannedRow, Changes extends PlannedChanges, Child = never> {
  /** Prefix of its ids: tells whose task it is. */
  prefix: string
  /** Has tasks itself, so a log and measurements: not only through what it makes. */
  ownsTasks: boolean
  load(trx: Transaction<Tables>, ids: readonly string[]): Promise<Row[]>
  /** Ids that are not in their final state, for the full sweep. */
  open(trx: Transaction<Tables>): Promise<string[]>
  /** Ids whose time to be looked at has come. */
  due(trx: Transaction<Tables>, nowIso: string): Promise<string[]>
  /** The next such time, or null. */
  nextDue(trx: Transaction<Tables>): Promise<string | null>
  /** Compares what is wanted with what is there. `tasks` are all of its tasks, by attempt. */
  plan(row: Row, tasks: readonly Task[], now: number): Action<Changes, Child>[]
  /** What a task of it is given when it starts, and that is not stored with it: such as a key. */
  startWith?(deps: Deps, task: Task): StartGift
  /** The resource that made it, which has to be looked at whenever it has been. */
  parentOf?(row: Row): string | null
  /**
   * Makes what its planner asked for, all or nothing, and answers with the ids. What keeps it from being made is
   * written down in its own row.
   */
  create?(deps: Deps, trx: Transaction<Tables>, row: Row, children: readonly Child[], now: number): Promise<string[]>
  /** Asks resources that it made to stop. Those that were asked before are left as they are. */
  stop?(trx: Transaction<Tables>, stops: readonly ChildStop[], now: number): Promise<void>
  /** Writes changes if the row is still at its version. Answers whether it was. */
  update(trx: Transaction<Tables>, row: Row, changes: Changes & { wakeAt?: string | null }): Promise<boolean>
  /** Deleted resources that nothing holds any more, a bounded number: their logs and volumes can be deleted. */
  purgeable(trx: Transaction<Tables>): Promise<Remains[]>
  /** Forgets them, once their files are gone. */
  forget(trx: Transaction<Tables>, remains: readonly Remains[]): Promise<void>
}

/** Variables and folders of this machine. */
export interface StartGift {
  env?: Record<string, string>
  mounts?: Mount[]
}

/** What a deleted resource leaves behind. */
export interface Remains {
  id: string
  volumes: string[]
}
