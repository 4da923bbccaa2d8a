import type { Transaction } from 'kysely'
import type { Action } from '../control/action.ts'
import type { Tables } from '../db/tables.ts'
import type { Task } from '../tasks/task.ts'

/** A row that the loop looks after. */
export interface PlannedRow {
  id: string
  name: string
  teamId: string
  projectId: string
  version: number
}

/** What the loop must know of a kind that owns tasks. Reads and writes are one query each; `plan` is pure. */
export interface PlannedKind<Row extends PlannedRow, Changes> {
  /** Prefix of its ids: tells whose task it is. */
  prefix: string
  load(trx: Transaction<Tables>, ids: readonly string[]): Promise<Row[]>
  /** Ids that are not in their final state, for the full sweep. */
  open(trx: Transaction<Tables>): Promise<string[]>
  /** Ids whose time to be looked at has come. */
  due(trx: Transaction<Tables>, nowIso: string): Promise<string[]>
  /** The next such time, or null. */
  nextDue(trx: Transaction<Tables>): Promise<string | null>
  /** Compares what is wanted with what is there. `tasks` are all of its tasks, by attempt. */
  plan(row: Row, tasks: readonly Task[], now: number): Action<Changes>[]
  /** Writes changes if the row is still at its version. Answers whether it was. */
  update(trx: Transaction<Tables>, row: Row, changes: Changes & { wakeAt?: string | null }): Promise<boolean>
  /** Deleted resources that nothing holds any more, a bounded number: their logs and volumes can be deleted. */
  purgeable(trx: Transaction<Tables>): Promise<Remains[]>
  /** Forgets them, once their files are gone. */
  forget(trx: Transaction<Tables>, remains: readonly Remains[]): Promise<void>
}

/** What a deleted resource leaves behind. */
export interface Remains {
  id: string
  volumes: string[]
}
