import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { systemCode } from '../cli-error.ts'
import type { Settings } from '../settings.ts'
import { type Column, renderFields, renderTable } from './table.ts'
import { truncate } from './terminal-width.ts'

export type Style = Parameters<typeof styleText>[0]

/** A stream that may be a terminal. */
export type Sink = Writable & { isTTY?: boolean; columns?: number }

/** Columns of a terminal. One that does not know (a container, a build server) says 0, and is taken for an old one. */
export const columnsOf = ({ columns = 0 }: Sink): number => (columns > 0 ? columns : 80)

/** Thrown when whoever read the output has gone, as with `nabla job logs | head`. */
export class OutputClosed extends Error {}

/**
 * All that the CLI prints goes through here. Results go to standard output, everything said about them (progress,
 * notes, errors) to standard error, so that a pipe gets the results alone.
 */
export class Output {
  json = false
  quiet = false
  readonly #out: Sink
  readonly #err: Sink
  readonly #settings: Settings
  #status = ''
  #closed = false

  constructor(out: Sink, err: Sink, settings: Settings) {
    this.#out = out
    this.#err = err
    this.#settings = settings
    for (const sink of [out, err]) {
      sink.on('error', (error) => {
        if (systemCode(error) !== 'EPIPE' && systemCode(error) !== 'ERR_STREAM_DESTROYED') throw error
        if (sink === out) this.#closed = true
      })
    }
  }

  /** Where progress bars and prompts may draw; undefined where nobody would see them. */
  get canvas(): Sink | undefined {
    return this.isInteractive && !this.quiet && !this.json ? this.#err : undefined
  }

  /** A person looks at standard error. */
  get isInteractive(): boolean {
    return this.#err.isTTY === true && !this.#settings.dumbTerminal
  }

  /** Both streams end on the same screen, so that they must not run into each other. */
  get sharesScreen(): boolean {
    return this.#out.isTTY === true && this.#err.isTTY === true
  }

  /** Columns for tables and help; undefined when it goes to a file or a pipe. */
  get width(): number | undefined {
    return this.#out.isTTY ? columnsOf(this.#out) : this.#settings.columns
  }

  get hasColor(): boolean {
    return this.#colors(this.#out)
  }

  /** A text in a style, for standard output. */
  style(style: Style, text: string): string {
    return this.#colors(this.#out) ? styleText(style, text, { validateStream: false }) : text
  }

  /** A text in a style, for standard error. */
  styleNote(style: Style, text: string): string {
    return this.#colors(this.#err) ? styleText(style, text, { validateStream: false }) : text
  }

  /** Writes a result. Resolves when there is room for more. */
  async write(data: string | Uint8Array): Promise<void> {
    this.clearStatus()
    await this.#send(this.#out, data)
    if (this.#closed) throw new OutputClosed()
  }

  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`)
  }

  /** One JSON value on one line. */
  async value(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value)}\n`)
  }

  async table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void> {
    const head = (text: string): string => this.style(['bold'], text)
    await this.line(renderTable(rows, columns, this.width, head).join('\n'))
  }

  async fields(fields: readonly (readonly [string, string])[]): Promise<void> {
    await this.line(renderFields(fields, (name) => this.style('dim', name), this.width).join('\n'))
  }

  /** Something to know beside the result; `--quiet` leaves it out. */
  note(text: string): void {
    if (!this.quiet && !this.json) this.#say(`${text}\n`)
  }

  /** Something to worry about; it is said in any case. */
  warn(text: string): void {
    this.#say(`${this.styleNote('yellow', 'warning')}: ${text}\n`)
  }

  /** An error and what to do next. With `--json` one JSON value, as the API words it. */
  error(error: { code: string; message: string; hint: string; requestId?: string | undefined }): void {
    if (this.json) {
      this.#say(`${JSON.stringify({ error })}\n`)
      return
    }
    const hint = error.hint === '' ? '' : `${this.styleNote('dim', `  ${error.hint.split('\n').join('\n  ')}`)}\n`
    this.#say(`${this.styleNote(['red', 'bold'], 'error')}: ${error.message}\n${hint}`)
  }

  /** Text of a job's standard error. Resolves when there is room for more. */
  async writeError(data: string): Promise<void> {
    this.clearStatus()
    await this.#send(this.#err, data)
  }

  /** The one line at the bottom of a terminal that says what goes on; it is gone with the next output. */
  status(text: string): void {
    if (!this.canvas) return
    const cut = truncate(text, columnsOf(this.#err) - 1)
    if (cut === this.#status) return
    this.#status = cut
    this.#err.write(`\r\u001b[2K${this.styleNote('dim', cut)}`)
  }

  clearStatus(): void {
    if (this.#status === '') return
    this.#status = ''
    this.#err.write('\r\u001b[2K')
  }

  #say(text: string): void {
    this.clearStatus()
    this.#err.write(text)
  }

  #colors(sink: Sink): boolean {
    return this.#settings.color ?? (sink.isTTY === true && !this.#settings.dumbTerminal)
  }

  /** Waits for room, and no longer than there is a reader. */
  async #send(sink: Sink, data: string | Uint8Array): Promise<void> {
    if (sink.destroyed || sink.write(data)) return
    const gone = new AbortController()
    const end = (): void => gone.abort()
    sink.once('close', end)
    try {
      await once(sink, 'drain', { signal: gone.signal })
    } catch (error) {
      if (!gone.signal.aborted && systemCode(error) !== 'EPIPE') throw error
    } finally {
      sink.off('close', end)
    }
  }
}
