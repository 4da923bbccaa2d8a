import type { LogBlock } from '@nabla/api/log'
import { formatTime } from '../terminal/format.ts'
import type { Output, Style } from '../terminal/output.ts'

export interface NodeLook {
  /** Put the node before each line. */
  hosts: boolean
  timestamps: boolean
  /** With `--json`: each line in a field `log`. */
  wrap: boolean
}

/** Lines of one job, with the node that wrote them. */
export interface NodeBlock extends LogBlock {
  job: string
  host: string
  attempt: number
}

const colours: readonly Style[] = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red']

/** Prints the logs of several nodes as one, each line with the name of its node before it. */
export class NodePrinter {
  /** Where the reader is: the id of the last event. */
  place: string | undefined
  /** A command has written something. */
  sawOutput = false
  readonly #out: Output
  readonly #look: NodeLook
  readonly #hosts: string[] = []
  #width = 0

  constructor(out: Output, look: NodeLook) {
    this.#out = out
    this.#look = look
  }

  /** Resolves when the terminal or the pipe has taken it. */
  async print(block: NodeBlock): Promise<void> {
    if (block.source !== 'system') this.sawOutput = true
    if (this.#out.json) return this.#printJson(block)
    const { source, text } = block
    const toResult = source === 'stdout'
    const lines = text.split('\n').map((line) => this.#head(block, toResult) + this.#shown(block, line))
    const joined = `${lines.join('\n')}\n`
    await (toResult ? this.#out.write(joined) : this.#out.writeError(joined))
  }

  async #printJson({ seq, at, source, text, job, host, attempt }: NodeBlock): Promise<void> {
    const values = text.split('\n').map((line, index) => {
      const value = { job, host, attempt, seq: seq + index, at, source, text: line }
      return JSON.stringify(this.#look.wrap ? { log: value } : value)
    })
    await this.#out.write(`${values.join('\n')}\n`)
  }

  #shown({ source }: NodeBlock, line: string): string {
    return source === 'system' ? this.#out.styleNote('dim', line) : line
  }

  #head({ host, at }: NodeBlock, toResult: boolean): string {
    const style = (name: Style, text: string) =>
      toResult ? this.#out.style(name, text) : this.#out.styleNote(name, text)
    const time = this.#look.timestamps ? style('dim', `${formatTime(at)} `) : ''
    if (!this.#look.hosts) return time
    if (!this.#hosts.includes(host)) this.#hosts.push(host)
    this.#width = Math.max(this.#width, host.length)
    const colour = colours[this.#hosts.indexOf(host) % colours.length]!
    return `${time}${style(colour, host.padEnd(this.#width))} ${style('dim', '│')} `
  }
}
