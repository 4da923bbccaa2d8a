import { appendFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { type Clock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'

/** What became of one request, or of one socket. */
export interface Access {
  requestId: string
  address: string
  /** Who sent it, as far as that is known. */
  user: string | undefined
  method: string
  /** Path and query; the query is not written, since keys stand there at times. */
  url: string
  /** Name and id of the route; undefined: it was refused before one was found. */
  name?: string
  route?: string
  revision?: number
  target?: string
  /** Null: it broke off before it had one. */
  status: number | null
  /** Its code, if it was refused by the gateway. */
  refused?: string
  ms: number
}

/**
 * A file with a line of JSON for each request, written a few times a second. It is opened each time, so whoever rotates logs
 * may move it away at any moment.
 */
export class AccessLog {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Pick<Logger, 'warn'>
  #lines: string[] = []
  #bytes = 0
  #lost = 0
  #isArmed = false

  constructor(path: string, clock: Clock, log: Pick<Logger, 'warn'>) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  write({ url, ms, ...access }: Access): void {
    const [path = ''] = url.split('?', 1)
    const line = JSON.stringify({ time: toIso(this.#clock.now()), ...access, path, ms: Math.round(ms * 1000) / 1000 })
    // A disk that does not keep up must not take the memory: then some lines are missing, and it is said how many.
    if (this.#bytes > limits.accessLogBytes) this.#lost += 1
    else {
      this.#lines.push(line)
      this.#bytes += line.length
    }
    if (this.#isArmed) return
    this.#isArmed = true
    this.#clock.after(limits.accessLogMs, () => void this.#flush())
  }

  /** All that was told of is in the file. */
  async close(): Promise<void> {
    await this.#flush()
  }

  async #flush(): Promise<void> {
    this.#isArmed = false
    const lines = this.#lines
    if (this.#lost > 0) lines.push(JSON.stringify({ time: toIso(this.#clock.now()), lost: this.#lost }))
    this.#lines = []
    this.#bytes = 0
    this.#lost = 0
    if (lines.length === 0) return
    try {
      await appendFile(this.#path, `${lines.join('\n')}\n`, { mode: 0o600 })
    } catch (error) {
      this.#log.warn({ err: error, path: this.#path }, 'the access log cannot be written')
    }
  }
}
