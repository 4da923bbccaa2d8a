import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import type { IndexFile } from './index-file.ts'
import { sources } from './record.ts'
import { type Lend, type SourceRules, SourceTail } from './source-tail.ts'

export interface TailerRules extends SourceRules {
  paceMs: number
  pollMs: number
  unwatchedPollMs: number
  retryMs: number
  syncBytes: number
}

export interface TailerParts {
  /** The folder of the part. */
  dir: string
  part: number
  index: IndexFile
  clock: Clock
  lend: Lend
  rules: TailerRules
  /** Is told of a failure that will be tried again. */
  onProblem: (error: unknown) => void
}

/** Looks without news after which a log counts as quiet. */
const quietLooks = 3

/**
 * Numbers the output of one part as it grows. A quiet log is watched; a busy one is looked at at a steady pace
 * instead, because a task that writes a million small pieces would cause as many notifications.
 */
export class Tailer {
  readonly #parts: TailerParts
  readonly #sources: SourceTail[]
  #following = false
  #watcher: FSWatcher | null = null
  #canWatch = true
  #quiet = quietLooks
  #cancelTimer: () => void = () => undefined
  /** Whether a notification was answered a moment ago, so that the next one has to wait. */
  #held = false
  #again = false
  #running: Promise<boolean> | null = null
  #finishing: Promise<void> | null = null

  constructor(parts: TailerParts) {
    this.#parts = parts
    const { dir, part, index, lend, rules } = parts
    this.#sources = sources.map((source) => new SourceTail(join(dir, source), part, source, index, lend, rules))
  }

  /** Begins, or begins again after a `finish` that failed; does nothing during one. */
  start(): void {
    if (this.#following || this.#finishing) return
    this.#following = true
    this.#look()
  }

  /** Says that there may be something new. */
  poke(): void {
    if (!this.#following) return
    if (this.#running || this.#held) {
      this.#again = true
      return
    }
    // A line that grows by single characters notifies far more often than is worth a look.
    this.#held = true
    const { clock, rules } = this.#parts
    clock.after(rules.paceMs, () => {
      this.#held = false
      if (this.#again) this.poke()
    })
    this.#look()
  }

  /** Numbers everything that the files hold by now, the unfinished last lines too, syncs it, and lets go. */
  async finish(): Promise<void> {
    this.#finishing ??= this.#finish().finally(() => (this.#finishing = null))
    await this.#finishing
  }

  /** Lets go without reading on. */
  async stop(): Promise<void> {
    this.#following = false
    this.#cancelTimer()
    this.#unwatch()
    await this.#running?.catch(() => undefined)
    for (const source of this.#sources) await source.close()
  }

  async #finish(): Promise<void> {
    const { index, rules } = this.#parts
    this.#following = false
    this.#cancelTimer()
    this.#unwatch()
    await this.#running?.catch(() => undefined)
    await this.#drain(true)
    // A file that nothing was written to costs as much as any other, and most commands leave two of the three so.
    const small = this.#sources.filter(({ offset }) => offset > 0 && offset <= rules.syncBytes)
    for (const source of small) await source.sync()
    await index.sync()
    for (const source of this.#sources) await source.close()
  }

  #look(): void {
    if (!this.#following || this.#running) return
    this.#cancelTimer()
    this.#again = false
    this.#running = this.#drain(false)
    this.#running.then(
      (news) => this.#rest(news),
      (error: unknown) => {
        this.#running = null
        this.#parts.onProblem(error)
        this.#lookAfter(this.#parts.rules.retryMs)
      },
    )
  }

  /** Decides when to look next. */
  #rest(news: boolean): void {
    this.#running = null
    if (!this.#following) return
    const { clock, rules } = this.#parts
    this.#quiet = news || this.#again ? 0 : this.#quiet + 1
    if (news) this.#unwatch()
    let delayMs = rules.paceMs
    if (this.#quiet >= quietLooks) {
      if (this.#watcher) delayMs = rules.pollMs
      // What came before the watch began is seen by one more look.
      else delayMs = this.#watch() ? 0 : rules.unwatchedPollMs
    }
    for (const { dueAt } of this.#sources) {
      if (dueAt !== null) delayMs = Math.min(delayMs, Math.max(0, dueAt - clock.now()))
    }
    this.#lookAfter(delayMs)
  }

  #lookAfter(delayMs: number): void {
    this.#cancelTimer()
    if (!this.#following) return
    if (delayMs > 0) this.#cancelTimer = this.#parts.clock.after(delayMs, () => this.#look())
    else this.#look()
  }

  /**
   * Numbers block after block, a block of each source in turn, until all is read. Output of several sources that is
   * read together is put in the order in which the sources were last written to.
   *
   * @returns whether there was anything
   */
  async #drain(flush: boolean): Promise<boolean> {
    const found: { source: SourceTail; size: number; changedAt: number }[] = []
    for (const source of this.#sources) {
      const look = await source.look()
      if (look) found.push({ source, ...look })
    }
    found.sort((a, b) => a.changedAt - b.changedAt)
    let news = false
    for (let busy = found; busy.length > 0;) {
      const more: typeof busy = []
      for (const entry of busy) {
        const before = entry.source.offset
        if (await entry.source.step(entry.size, this.#parts.clock.now(), flush)) more.push(entry)
        if (entry.source.offset !== before) news = true
      }
      busy = flush || this.#following ? more : []
    }
    return news
  }

  #watch(): boolean {
    if (!this.#canWatch) return false
    try {
      this.#watcher = watch(this.#parts.dir, { persistent: false }, () => this.poke())
      this.#watcher.on('error', () => this.#unwatch())
      return true
    } catch {
      this.#canWatch = false
      return false
    }
  }

  #unwatch(): void {
    this.#watcher?.close()
    this.#watcher = null
  }
}
