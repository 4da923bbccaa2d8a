import { limits } from '../lib/limits.ts'
import { Journal } from './journal.ts'
import type { Json } from './outputs.ts'
import { type Entry, type Run, Runs } from './runs.ts'
import type { Header } from './wire.ts'

/** The runs of one kernel together with their journal: nothing is changed that is not written down first. */
export class KernelRuns {
  readonly #runs = new Runs()
  readonly #journal: Journal
  #next: number = limits.jupyterJournalBytes
  #wroteAt = ''

  constructor(path: string) {
    this.#journal = Journal.open(path, (entry) => this.#runs.apply(entry))
    if (this.#journal.size > 0) this.#rewrite()
  }

  get all(): Run[] {
    return [...this.#runs.all]
  }

  get path(): string | null {
    return this.#runs.path
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id)
  }

  isKnown(messageId: string): boolean {
    return this.#runs.isKnown(messageId)
  }

  add(entry: Entry): void {
    this.#journal.append(entry)
    this.#runs.apply(entry)
    if (entry.is === 'run') for (const run of this.#runs.surplus()) this.add({ is: 'gone', of: run.id })
    if (this.#journal.size > this.#next) this.#rewrite()
  }

  /** Takes in a message of the channel iopub, if it is about something that is kept. */
  take(of: string, { msg_id: id, msg_type: type, date }: Header, contentOf: () => Json): void {
    if (!worthReading.has(type)) return
    const content = contentOf()
    if (this.#runs.heeds(of, type, content)) this.add({ is: 'message', of, id, type, date, content })
  }

  movedTo(path: string): void {
    if (this.#runs.path !== path) this.add({ is: 'path', path })
  }

  /** Nothing more will come of any of them. */
  endAll(): void {
    const content = { execution_state: 'idle' }
    for (const run of this.#runs.all) {
      if (!run.ended) this.add({ is: 'message', of: run.id, id: '', type: 'status', date: '', content })
    }
  }

  /** They were put into the file, as they were after so many changes, and that has this time now. */
  written(runs: Iterable<{ run: Run; changes: number }>, fileTime: string): void {
    this.#wroteAt = fileTime
    for (const { run, changes } of runs) {
      if (this.#runs.get(run.id) === run) this.add({ is: 'saved', of: run.id, changes })
    }
  }

  /** A page saved the file after these had ended: they are done with, but for those that may yet change. */
  savedByPage(runs: Iterable<Run>): void {
    for (const run of runs) {
      const isDone = Object.keys(run.outputs.displays).length === 0
      this.add(isDone ? { is: 'gone', of: run.id } : { is: 'saved', of: run.id, changes: run.changes })
    }
  }

  /** Whether the file was written last by us, going by its time. */
  isOwnWrite(fileTime: string): boolean {
    return this.#wroteAt === fileTime
  }

  close(): void {
    this.#journal.close()
  }

  remove(): void {
    this.#journal.remove()
  }

  #rewrite(): void {
    this.#journal.rewrite(this.#runs.snapshot())
    this.#next = this.#journal.size + limits.jupyterJournalBytes
  }
}

const worthReading = new Set([
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
  'execute_input',
  'status',
])
