import type { NewTask } from '../tasks/task.ts'

/**
 * What a planner may ask for: a closed list. A kind that needs another one needs a decision first.
 * `Changes` is what the kind lets be changed in its own row, `Child` describes a resource that it makes.
 */
export type Action<Changes, Child = never> =
  /** Queue an attempt. */
  | { do: 'addTask'; task: NewTask }
  /** Ask a task to end; it is killed after the grace. `why` comes back in the task's `stopReason`. */
  | { do: 'stopTask'; taskId: string; graceMs: number; why: string }
  /** Change the resource's own row; `event` is what it is called in the timeline. */
  | { do: 'setStatus'; changes: Changes; event?: { type: string; data?: Record<string, unknown> } }
  /** Make resources, all of them or none; they are looked after by their own planner. */
  | { do: 'create'; children: readonly Child[] }
  /** Ask a resource that it made to stop. */
  | ({ do: 'stopChild' } & ChildStop)
  /** Look at it again at this time, in milliseconds since the epoch; null: only when something changes. */
  | { do: 'wakeAt'; at: number | null }
  /** Add a line to the log that the task feeds. */
  | { do: 'note'; attempt: number; text: string }

export interface ChildStop {
  id: string
  graceMs: number
  /** Null: somebody asked for it. */
  why: string | null
}
