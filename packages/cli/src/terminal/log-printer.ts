import type { LogBlock, LogSource } from '@nabla/api/log'
import { formatTime } from './format.ts'
import type { Output } from './output.ts'

export interface LogLook {
  timestamps: boolean
  /** Wraps each line for `--json`; the plain line if left out. */
  wrap?: (line: object) => object
}

/** Prints a log, and knows how far it came: no line is printed twice, however often the stream is resumed. */
export class LogPrinter {
  /** Number of the last line that was printed. */
  last = 0
  /** The command itself has written something. */
  sawOutput = false
  readonly #out: Output
  readonly #look: LogLook
  /** Sources whose last line has not ended yet. */
  readonly #open = new Set<LogSource>()

  constructor(out: Output, look: LogLook) {
    this.#out = out
    this.#look = look
  }

  /** Resolves when the terminal or the pipe has taken it. */
  async print(block: LogBlock): Promise<void> {
    const end = block.seq + block.lines - 1
    if (end <= this.last) return
    const seen = Math.max(0, this.last - block.seq + 1)
    this.last = end
    if (block.source !== 'system') this.sawOutput = true
    const text = seen > 0 ? block.text.split('\n').slice(seen).join('\n') : block.text
    if (this.#out.json) await this.#printJson(block, block.seq + seen, text)
    else await this.#printText(block, text)
  }

  /** Ends a line that the job left open, so that what follows starts on its own. */
  async finish(): Promise<void> {
    if (this.#open.size > 0 && this.#out.sharesScreen && !this.#out.json) await this.#out.writeError('\n')
    this.#open.clear()
  }

  async #printJson(block: LogBlock, first: number, text: string): Promise<void> {
    const lines = text.split('\n')
    const values = lines.map((line, index) => {
      const partial = block.partial === true && index === lines.length - 1
      const value = { seq: first + index, at: block.at, source: block.source, text: line, ...(partial && { partial }) }
      return JSON.stringify(this.#look.wrap?.(value) ?? value)
    })
    await this.#out.write(`${values.join('\n')}\n`)
  }

  async #printText(block: LogBlock, text: string): Promise<void> {
    const out = this.#out
    const { source } = block
    if (out.sharesScreen && [...this.#open].some((other) => other !== source)) await this.finish()
    const goesOn = this.#open.has(source)
    if (block.partial) this.#open.add(source)
    else this.#open.delete(source)
    const stamped = this.#look.timestamps ? this.#stamp(block, text, goesOn) : text
    const ended = block.partial ? stamped : `${stamped}\n`
    if (source === 'stdout') await out.write(ended)
    else await out.writeError(source === 'system' ? out.styleNote('dim', ended) : ended)
  }

  #stamp(block: LogBlock, text: string, goesOn: boolean): string {
    const time = `${formatTime(block.at)} `
    const stamp = block.source === 'stdout' ? this.#out.style('dim', time) : this.#out.styleNote('dim', time)
    const lines = text.split('\n').map((line, index) => (goesOn && index === 0 ? line : stamp + line))
    return lines.join('\n')
  }
}
