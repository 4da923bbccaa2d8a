import type { Transaction } from 'kysely'
import type { TaskRow, Tables } from '../db/tables.ts'
import type { ImageBuild, Mount, Phase, TaskExit } from '../engines/engine.ts'
import { toIso } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'

/**
 * What a resource asks to be run, before it has a place: volumes by id instead of folders, secrets by name instead of
 * values. It is stored with the task, so that it can be started again after a crash exactly as it was asked for.
 */
export interface TaskRequest {
  image: string
  command: string
  workingDir: string
  /** A value `secret:NAME` is replaced when the task starts, and is never stored. */
  env: Record<string, string>
  volumes: {
    volumeId: string
    /** A file or folder in it that is mounted instead of all; names that the server chose. */
    path?: string
    target: string
    mode: Mount['mode']
    aliases?: string[]
  }[]
  /** Absolute path inside the task of a Python requirements file; null for no environment. */
  requirements: string | null
  ports: number[]
  /** What only engines with images heed; left out of tasks from before there were any. */
  container?: {
    /** Name of the stored login for the image; null: one for its host. */
    login: string | null
    /** A login for this task alone, sealed: see `tasks/image-login.ts`. */
    sealedLogin?: string
    user?: string
    entrypoint?: 'image' | string[]
    pull?: 'missing' | 'always' | 'never'
    shmBytes?: number
  }
  build?: Omit<ImageBuild, 'logins'>
  resources: { cpus: number; memoryBytes: number; gpus: number }
  /** What it uses is not counted: it is small, there are few of them, and it is of use while all is taken. */
  takesNoPlace?: boolean
  /** Scope in which secrets are looked up before the team's. */
  projectId: string
  gang?: Gang
}

/** Tasks that are started together, and know each other. */
export interface Gang {
  id: string
  /** How many tasks there are in it: all of them get their places at once, or none does. */
  size: number
  /** Its own name. */
  hostname: string
  /** Address of each of them, by name, for engines whose tasks share the network of the machine. */
  hosts: Record<string, string>
  /** Its ports listen at its own address and at no other, for such engines: that is where they are asked for. */
  listensAtHost?: boolean
  /** Text of files that it finds in `/generated`, by name. */
  files: Record<string, string>
}

export type TaskState = 'queued' | 'placed' | 'running' | 'ended'

/** A phase with its begin; it ends where the next begins. Times are milliseconds since the epoch. */
export interface TaskPhase {
  phase: 'queue' | Phase | 'collect'
  at: number
  /** Of `image` and `build`: the one that runs, by its digest. */
  detail?: string
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
  /** Milliseconds that its command has run, not counting steps of the wall clock. Filled in by the loop. */
  ranMs: number
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

/** How a task ends that was stopped before its engine had it. */
export const cutShort: TaskExit = {
  cause: 'setup',
  code: null,
  blame: 'user',
  reason: 'It was stopped before it began.',
}

/** Parses the JSON of a row. It was written by `insertTask` and `updateTask`, so it is not checked again. */
export function toTask(row: TaskRow): Task {
  return {
    ...row,
    request: JSON.parse(row.request) as TaskRequest,
    gpus: JSON.parse(row.gpus) as number[],
    desired: row.desired as Task['desired'],
    state: row.state as TaskState,
    phases: JSON.parse(row.phases) as TaskPhase[],
    exit: row.exit === null ? null : (JSON.parse(row.exit) as TaskExit),
    ranMs: 0,
  }
}
