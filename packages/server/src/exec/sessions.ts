import type { ExecProcess } from '../engines/engine.ts'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { limits } from '../lib/limits.ts'
import { ExecSession } from './session.ts'

/** The programs that people run inside tasks. They end with this server. */
export class ExecSessions {
  readonly #clock: Clock
  readonly #sessions = new Map<string, { taskId: string; session: ExecSession }>()
  readonly #byTask = new Map<string, number>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Begins a program in a task, for one person. `program` starts it. Throws AppError `busy` when there are too many, and
   * what `program` throws.
   */
  async begin(taskId: string, userId: string, program: () => Promise<ExecProcess>): Promise<ExecSession> {
    const release = this.#takePlace(taskId)
    try {
      const id = newId('exec')
      const forget = () => this.#sessions.delete(id)
      const session = new ExecSession({ id, userId, program: await program(), clock: this.#clock, forget })
      this.#sessions.set(id, { taskId, session })
      void session.ended.then(release)
      return session
    } catch (error) {
      release()
      throw error
    }
  }

  /** A session of this person in this task that can be connected to again. Throws AppError `exec_ended`. */
  find(id: string, taskId: string, userId: string): ExecSession {
    const found = this.#sessions.get(id)
    if (found?.taskId !== taskId || found.session.userId !== userId) throw new AppError('exec_ended')
    return found.session
  }

  /** Ends all programs. */
  close(): void {
    for (const { session } of this.#sessions.values()) session.kill()
  }

  #takePlace(taskId: string): () => void {
    const open = this.#byTask.get(taskId) ?? 0
    if (open >= limits.execsPerTask || this.#count >= limits.execs) {
      throw new AppError('busy', { detail: `${open} programs run in this task already, ${this.#count} in all` })
    }
    this.#byTask.set(taskId, open + 1)
    this.#count += 1
    return () => {
      const left = (this.#byTask.get(taskId) ?? 1) - 1
      if (left > 0) this.#byTask.set(taskId, left)
      else this.#byTask.delete(taskId)
      this.#count -= 1
    }
  }
}
