import type { NewTask } from '../tasks/task.ts'

/**
 * What a planner may ask for: a closed list. A kind that needs another one needs a decision first.
 * `Changes` is what the kind lets be changed in its own row.
 */
export type Action<Changes> =
  /** Queue an attempt. */
  | { do: 'addTask'; task: NewTask }
  /** Ask a task to end; it is killed after the grace. `why` comes back in the task's `stopReason`. */
  | { do: 'stopTask'; taskId: string; graceMs: number; why: string }
  /** Change the resource's own row; `event` is what it is called in the timeline. */
  | { do: 'setStatus'; changes: Changes; event?: { type: string; data?: Record<string, unknown> } }
  /** Look at it again at this time, in milliseconds since the epoch; null: only when something changes. */
  | { do: 'wakeAt'; at: number | null }
  /** Add a line to the log that the task feeds. */
  | { do: 'note'; attempt: number; text: string }
