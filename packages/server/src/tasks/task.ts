import type { Transaction } from 'kysely'
import { z } from 'zod'
import type { TaskRow, Tables } from '../db/tables.ts'
import type { Phase, TaskExit } from '../engines/engine.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'

/**
 * What a resource asks to be run, before it has a place: volumes by id instead of folders, secrets by name instead of
 * values. It is stored with the task, so that it can be started again after a crash exactly as it was asked for.
 */
export const taskRequest = z.object({
  image: z.string(),
  command: z.string(),
  workingDir: z.string(),
  /** A value `secret:NAME` is replaced when the task starts, and is never stored. */
  env: z.record(z.string(), z.string()),
  volumes: z.array(
    z.object({
      volumeId: z.string(),
      target: z.string(),
      mode: z.enum(['ro', 'rw', 'copy']),
      aliases: z.array(z.string()).default([]),
    }),
  ),
  /** Absolute path inside the task of a Python requirements file; null for no environment. */
  requirements: z.string().nullable(),
  ports: z.array(z.number().int()),
  resources: z.object({ cpus: z.number(), memoryBytes: z.number(), gpus: z.number().int() }),
  /** Scope in which secrets are looked up before the team's. */
  projectId: z.string().nullable(),
})

export type TaskRequest = z.infer<typeof taskRequest>

export type TaskState = 'queued' | 'placed' | 'running' | 'ended'

/** A phase with its begin; it ends where the next begins. Times are milliseconds since the epoch. */
export interface TaskPhase {
  phase: 'queue' | Phase | 'collect'
  at: number
}

/** A task as planners see it: its row with the JSON parsed. */
export interface Task {
  id: string
  teamId: string
  ownerId: string
  attempt: number
  engine: string
  machineType: string
  priority: number
  request: TaskRequest
  gpus: number[]
  desired: 'run' | 'stop'
  stopGraceMs: number
  stopReason: string | null
  state: TaskState
  phases: TaskPhase[]
  exit: TaskExit | null
  createdAt: string
  startedAt: string | null
  endedAt: string | null
  removedAt: string | null
  version: number
}

/** What is needed to queue a task. */
export interface NewTask {
  teamId: string
  ownerId: string
  attempt: number
  engine: string
  machineType: string
  priority: number
  request: TaskRequest
}

/** Queues a task. One attempt of one owner exists at most once: a second insert is ignored. */
export async function insertTask(trx: Transaction<Tables>, task: NewTask, now: number): Promise<void> {
  await trx
    .insertInto('tasks')
    .values({
      ...task,
      id: newId('task'),
      request: JSON.stringify(task.request),
      gpus: '[]',
      desired: 'run',
      stopGraceMs: 0,
      stopReason: null,
      state: 'queued',
      phases: JSON.stringify([{ phase: 'queue', at: now }] satisfies TaskPhase[]),
      exit: null,
      createdAt: toIso(now),
      placedAt: null,
      startedAt: null,
      endedAt: null,
      removedAt: null,
      version: 1,
    })
    .onConflict((conflict) => conflict.columns(['ownerId', 'attempt']).doNothing())
    .execute()
}

/** Changes a task if it still is as it was read. Answers whether it was. */
export async function updateTask(
  trx: Transaction<Tables>,
  task: Pick<Task, 'id' | 'version'>,
  changes: Partial<Omit<TaskRow, 'id' | 'version'>>,
): Promise<boolean> {
  const result = await trx
    .updateTable('tasks')
    .set({ ...changes, version: task.version + 1 })
    .where('id', '=', task.id)
    .where('version', '=', task.version)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Parses a row. A row that does not parse is a bug: it was written by `insertTask`. */
export function toTask(row: TaskRow): Task {
  return {
    ...row,
    request: taskRequest.parse(JSON.parse(row.request)),
    gpus: JSON.parse(row.gpus) as number[],
    desired: row.desired as Task['desired'],
    state: row.state as TaskState,
    phases: JSON.parse(row.phases) as TaskPhase[],
    exit: row.exit === null ? null : (JSON.parse(row.exit) as TaskExit),
  }
}
