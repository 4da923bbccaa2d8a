import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'

/** Which log to watch. */
export interface WatchPlace {
  /** The folder of all logs; that of the log need not exist. */
  logsDir: string
  logId: string
  clock: Clock
  /** Longest wait, in case a notification is lost. */
  pollMs: number
  /** The same where the system gives no notifications. */
  unwatchedPollMs: number
}

/** Tells a reader that the index of a log may have grown, also when another process writes it. */
export class ChangeWatch {
  readonly #place: WatchPlace
  #watcher: FSWatcher | null = null
  #watchesLog = false
  #changed = false
  #wake: () => void = () => undefined

  constructor(place: WatchPlace) {
    this.#place = place
  }

  /**
   * Resolves when something may have changed since the last call, at the latest after the poll time or when the
   * signal aborts. What changed before the first call is not known, so that one resolves at once.
   */
  async next(signal?: AbortSignal): Promise<void> {
    if (!this.#watchesLog) this.#watch()
    if (!this.#changed && !signal?.aborted) await this.#wait(signal)
    this.#changed = false
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  async #wait(signal?: AbortSignal): Promise<void> {
    const { clock, pollMs, unwatchedPollMs } = this.#place
    const { promise, resolve } = Promise.withResolvers<void>()
    const onAbort = () => resolve()
    const cancel = clock.after(this.#watcher ? pollMs : unwatchedPollMs, resolve)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#wake = resolve
    await promise
    cancel()
    signal?.removeEventListener('abort', onAbort)
  }

  /** Watches the log, or until it has a folder, the folder of all logs. */
  #watch(): void {
    const { logsDir, logId } = this.#place
    const onLog = (_event: string, name: string | null) => {
      if (name === null || name === 'index') this.#notify()
    }
    const onLogs = (_event: string, name: string | null) => {
      if (name === null || name === logId) this.#notify()
    }
    const log = watchFolder(join(logsDir, logId), onLog)
    if (!log && this.#watcher) return
    this.#watcher?.close()
    this.#watcher = log ?? watchFolder(logsDir, onLogs)
    this.#watchesLog = log !== null
    this.#changed ||= this.#watcher !== null
  }

  #notify(): void {
    this.#changed = true
    this.#wake()
  }
}

/** Returns null when the folder is not there, or the system gives out no more watches. */
function watchFolder(path: string, listener: (event: string, name: string | null) => void): FSWatcher | null {
  try {
    return watch(path, { persistent: false }, listener).on('error', () => undefined)
  } catch {
    return null
  }
}
