import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import type { limits as serverLimits } from '../../lib/limits.ts'
import { blockPool } from './block-pool.ts'
import { IndexFile } from './index-file.ts'
import { logPath, partPath } from './log-path.ts'
import type { Lend } from './source-tail.ts'
import { Tailer, type TailerRules } from './tailer.ts'

export type LogLimits = { [Name in keyof typeof serverLimits as Extract<Name, `log${string}`>]: number }

export interface WriterOptions {
  /** The folder that holds all logs; made if it is not there. */
  dir: string
  clock: Clock
  limits: LogLimits
  /** Is told of what goes wrong with a log and will be tried again, such as a full disk. */
  onProblem?: (logId: string, error: unknown) => void
}

/** A log whose index is open: while a part of it is followed, or someone else holds it. */
interface OpenLog {
  index: Promise<IndexFile>
  tailers: Map<number, Promise<Tailer>>
  holds: number
}

/** Keeps one index and one tailer each for what is in use, and closes what nobody holds any more. */
export class OpenLogs {
  readonly #options: WriterOptions
  readonly #lend: Lend
  readonly #rules: TailerRules
  readonly #open = new Map<string, OpenLog>()

  constructor(options: WriterOptions) {
    const { limits } = options
    this.#options = options
    this.#lend = blockPool(limits.logReadBuffers, Math.max(limits.logReadBytes, limits.logBlockBytes))
    this.#rules = rulesOf(limits)
  }

  ids(): string[] {
    return [...this.#open.keys()]
  }

  /** The tailer of a part; it holds the log until it is dropped. */
  async tailer(logId: string, part: number): Promise<Tailer> {
    const known = this.#open.get(logId)?.tailers.get(part)
    if (known) return await known
    const log = this.#hold(logId)
    const made = this.#makeTailer(logId, part, log)
    log.tailers.set(part, made)
    try {
      return await made
    } catch (error) {
      log.tailers.delete(part)
      await this.#release(logId, log)
      throw error
    }
  }

  async drop(logId: string, part: number, tailer: Tailer): Promise<void> {
    const log = this.#open.get(logId)
    if (!log || (await log.tailers.get(part)) !== tailer || !log.tailers.delete(part)) return
    await this.#release(logId, log)
  }

  /** Tells the tailer of a part, where there is one, that there is something new. */
  async poke(logId: string, part: number): Promise<void> {
    const tailer = await this.#open.get(logId)?.tailers.get(part)
    tailer?.poke()
  }

  async withIndex(logId: string, use: (index: IndexFile) => Promise<void>): Promise<void> {
    const log = this.#hold(logId)
    try {
      await use(await log.index)
    } finally {
      await this.#release(logId, log)
    }
  }

  /** Stops and drops all tailers of a log. */
  async stop(logId: string): Promise<void> {
    const log = this.#open.get(logId)
    for (const [part, made] of log?.tailers ?? []) {
      const tailer = await made.catch(() => null)
      await tailer?.stop()
      if (tailer) await this.drop(logId, part, tailer)
    }
  }

  #hold(logId: string): OpenLog {
    const known = this.#open.get(logId)
    if (known) {
      known.holds += 1
      return known
    }
    const { dir, clock } = this.#options
    const log = { index: openIndex(logPath(dir, logId), clock), tailers: new Map(), holds: 1 }
    this.#open.set(logId, log)
    return log
  }

  async #release(logId: string, log: OpenLog): Promise<void> {
    log.holds -= 1
    if (log.holds > 0) return
    this.#open.delete(logId)
    const index = await log.index.catch(() => null)
    await index?.close()
  }

  async #makeTailer(logId: string, part: number, log: OpenLog): Promise<Tailer> {
    const { dir, clock, onProblem } = this.#options
    const path = partPath(logPath(dir, logId), part)
    const index = await log.index
    await mkdir(path, { recursive: true })
    const tell = (error: unknown) => onProblem?.(logId, error)
    return new Tailer({ dir: path, part, index, clock, lend: this.#lend, rules: this.#rules, onProblem: tell })
  }
}

async function openIndex(logDir: string, clock: Clock): Promise<IndexFile> {
  await mkdir(logDir, { recursive: true })
  return await IndexFile.open(join(logDir, 'index'), clock)
}

function rulesOf(limits: LogLimits): TailerRules {
  return {
    lineBytes: limits.logLineBytes,
    blockBytes: limits.logBlockBytes,
    partialIdleMs: limits.logPartialIdleMs,
    partialAgeMs: limits.logPartialAgeMs,
    paceMs: limits.logPaceMs,
    pollMs: limits.logPollMs,
    unwatchedPollMs: limits.logUnwatchedPollMs,
    retryMs: limits.logRetryMs,
    syncBytes: limits.logSyncBytes,
  }
}
