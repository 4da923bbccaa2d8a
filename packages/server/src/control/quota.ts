import { inTransaction } from '../db/transaction.ts'
import type { Deps } from '../deps.ts'
import { storagesWithQuota, type StorageWithQuota } from '../kinds/storage/volume.ts'
import { limits } from '../lib/limits.ts'
import { type Task, toTask, updateTask } from '../tasks/task.ts'
import { storedText } from '../volumes/meter.ts'
import { usage } from '../volumes/usage.ts'

/**
 * Keeps storages within their quotas while tasks write to them. Most file systems have no quota for a folder, so the
 * folder is measured now and then: when it is full, running tasks lose the right to write to it (writes fail with
 * "read-only file system", which a program can deal with), and get it back once there is room. A task that keeps a
 * file open and goes on writing far beyond the quota is stopped.
 */
export class QuotaKeeper {
  readonly #deps: Deps
  /** Volumes that were full when last measured. */
  readonly #full = new Set<string>()
  /** Tasks by `<id> <target>` whose mount is read-only now. */
  readonly #readOnly = new Set<string>()
  #measuring = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Whether a task that starts now gets this volume read-only. */
  isFull(volumeId: string): boolean {
    return this.#full.has(volumeId)
  }

  /** Measures once, unless a measurement is under way. Answers with the owners of tasks that it stopped. */
  async check(): Promise<string[]> {
    if (this.#measuring) return []
    this.#measuring = true
    try {
      const stopped: string[] = []
      for (const storage of await storagesWithQuota(this.#deps.db)) stopped.push(...(await this.#checkOne(storage)))
      return stopped
    } finally {
      this.#measuring = false
    }
  }

  async #checkOne(storage: StorageWithQuota): Promise<string[]> {
    const tasks = await this.#tasksOf(storage)
    if (tasks.length === 0 && !this.#full.has(storage.volumeId)) return []
    const { bytes } = await usage(this.#deps.volumes.volumeDir(storage.volumeId))
    const full = bytes >= storage.quotaBytes
    if (full) this.#full.add(storage.volumeId)
    else this.#full.delete(storage.volumeId)
    const stopped: string[] = []
    for (const task of tasks) {
      if (!(await this.#protect(task, storage, full)) && bytes > storage.quotaBytes * limits.quotaExcess) {
        await this.#stop(task, storage)
        stopped.push(task.ownerId)
      }
    }
    return stopped
  }

  async #tasksOf(storage: StorageWithQuota): Promise<Task[]> {
    const rows = await this.#deps.db
      .selectFrom('tasks')
      .selectAll()
      .where('teamId', '=', storage.teamId)
      .where('state', '=', 'running')
      .where('desired', '=', 'run')
      .execute()
    return rows.map(toTask).filter((task) => mountOf(task, storage) !== undefined)
  }

  /** Answers false when the task must not write any more and cannot be kept from it. */
  async #protect(task: Task, storage: StorageWithQuota, full: boolean): Promise<boolean> {
    const target = mountOf(task, storage)!
    const name = `${task.id} ${target}`
    if (this.#readOnly.has(name) === full) return true
    const done = await this.#deps.engines.get(task.engine)?.setWritable(task.id, target, !full)
    if (!done) return !full
    if (full) this.#readOnly.add(name)
    else this.#readOnly.delete(name)
    const text = full
      ? `The storage of the team is full (${storedText(storage.quotaBytes)}): ${target} is read-only until there is room.`
      : `The storage of the team has room again: ${target} can be written to.`
    await this.#deps.logs.note(task.ownerId, task.attempt, text)
    return true
  }

  async #stop(task: Task, storage: StorageWithQuota): Promise<void> {
    const text = `The storage of the team is full (${storedText(storage.quotaBytes)}), and this job goes on writing to it.`
    await this.#deps.logs.note(task.ownerId, task.attempt, text)
    await inTransaction(this.#deps.db, (trx) =>
      updateTask(trx, task, { desired: 'stop', stopGraceMs: limits.quotaGraceMs, stopReason: 'quota' }),
    )
  }
}

const mountOf = (task: Task, storage: StorageWithQuota): string | undefined =>
  task.request.volumes.find((volume) => volume.volumeId === storage.volumeId && volume.mode === 'rw')?.target
