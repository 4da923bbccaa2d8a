import { limits } from '../lib/limits.ts'
import { type Json, noOutputs, type Outputs, showsDisplay, takeOutput } from './outputs.ts'

/** A request to execute code, and what has come of it. */
export interface Run {
  /** Id of the request's message. */
  id: string
  /** The header of the request: what messages about it name as their parent. */
  header: Json
  /** Cell of a notebook that was run; null: the client did not say. */
  cellId: string | null
  code: string
  /** Session id of the page that shows it: the one that sent it, or one that took it over. */
  owner: string
  count: number | null
  ended: boolean
  outputs: Outputs
  /** The reply, once there is one. */
  reply: { header: Json; metadata: Json; content: Json } | null
  /** When it changed last, by the clock of the kernel. */
  changedAt: string
  /** How often it has changed, and how often it had when it was put into the file last. */
  changes: number
  saved: number
}

/** What happens to runs: the journal is a list of these. */
export type Entry =
  | { is: 'run'; id: string; header: Json; cellId: string | null; code: string; owner: string }
  | { is: 'message'; of: string; id: string; type: string; date: string; content: Json }
  | { is: 'reply'; of: string; header: Json; metadata: Json; content: Json }
  | { is: 'owner'; of: string; owner: string }
  | { is: 'saved'; of: string; changes: number }
  | { is: 'gone'; of: string }
  | { is: 'path'; path: string }
  | { is: 'snapshot'; runs: Run[]; known: string[]; path: string | null }

/** The runs of one kernel that are not done with, oldest first. What is applied to it twice has happened once. */
export class Runs {
  readonly #runs = new Map<string, Run>()
  readonly #known = new Set<string>()
  /** Of the notebook file, as Jupyter named it last. */
  path: string | null = null

  get all(): Iterable<Run> {
    return this.#runs.values()
  }

  get size(): number {
    return this.#runs.size
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id)
  }

  /** Whether a message has come before; from now on it has. */
  isKnown(id: string): boolean {
    if (id === '' || !this.#known.has(id)) {
      if (id !== '') this.#learn(id)
      return false
    }
    return true
  }

  /** Whether a message changes what is kept: then it belongs into the journal. */
  heeds(of: string, type: string, content: Json): boolean {
    if (type === 'update_display_data')
      return [...this.#runs.values()].some((run) => showsDisplay(run.outputs, content))
    return this.#runs.has(of) && (heeded.has(type) || (type === 'status' && content['execution_state'] === 'idle'))
  }

  apply(entry: Entry): void {
    switch (entry.is) {
      case 'run':
        this.#begin(entry)
        break
      case 'message':
        this.#learn(entry.id)
        this.#take(entry)
        break
      case 'reply':
        this.#change(entry.of, (run) => {
          const { header, metadata, content } = entry
          run.reply = { header, metadata, content }
          if (typeof content['execution_count'] === 'number') run.count = content['execution_count']
          if (content['status'] === 'aborted') run.ended = true
        })
        break
      case 'owner':
        this.#change(entry.of, (run) => (run.owner = entry.owner))
        break
      case 'saved':
        this.#change(entry.of, (run) => (run.saved = entry.changes))
        break
      case 'gone':
        this.#runs.delete(entry.of)
        break
      case 'path':
        this.path = entry.path
        break
      case 'snapshot':
        this.path = entry.path
        for (const id of entry.known) this.#learn(id)
        for (const run of entry.runs) this.#runs.set(run.id, run)
    }
  }

  snapshot(): Entry {
    return { is: 'snapshot', runs: [...this.#runs.values()], known: [...this.#known], path: this.path }
  }

  /** Those to be given up so that the rest is within bounds: what is in the file first, then the oldest. */
  surplus(): Run[] {
    const ended = [...this.#runs.values()].filter((run) => run.ended).sort((a, b) => rank(a) - rank(b))
    let count = this.#runs.size
    let size = [...this.#runs.values()].reduce((sum, run) => sum + run.outputs.size + run.code.length, 0)
    const gone: Run[] = []
    for (const run of ended) {
      if (count <= limits.jupyterRuns && size <= limits.jupyterKernelBytes) break
      gone.push(run)
      count -= 1
      size -= run.outputs.size + run.code.length
    }
    return gone
  }

  #begin({ id, header, cellId, code, owner }: Entry & { is: 'run' }): void {
    if (cellId !== null) {
      for (const [other, run] of this.#runs) if (run.cellId === cellId) this.#runs.delete(other)
    }
    const at = typeof header['date'] === 'string' ? header['date'] : ''
    const fresh = { count: null, ended: false, outputs: noOutputs(), reply: null, changedAt: at, changes: 0, saved: 0 }
    this.#runs.set(id, { id, header, cellId, code, owner, ...fresh })
  }

  #take({ of, type, date, content }: Entry & { is: 'message' }): void {
    const run = this.#runs.get(of)
    if (type === 'update_display_data') {
      for (const shown of this.#runs.values()) if (takeOutput(shown.outputs, type, content)) note(shown, date)
      return
    }
    if (!run) return
    if (type === 'status') run.ended = true
    else if (type === 'execute_input') run.count = Number(content['execution_count'] ?? 0) || null
    else if (!takeOutput(run.outputs, type, content)) return
    note(run, date)
  }

  #change(id: string, change: (run: Run) => void): void {
    const run = this.#runs.get(id)
    if (run) change(run)
  }

  #learn(id: string): void {
    this.#known.add(id)
    if (this.#known.size <= limits.jupyterKnownMessages) return
    const [oldest = ''] = this.#known
    this.#known.delete(oldest)
  }
}

const heeded = new Set(['stream', 'display_data', 'execute_result', 'error', 'clear_output', 'execute_input'])

/** Whether all of a run is in the file. */
export const isSaved = ({ changes, saved }: Run): boolean => saved >= changes

/** Whether a run has not changed since this time of Jupyter's clock, which is that of its kernels. */
export const isOlder = ({ changedAt }: Run, time: string): boolean => Date.parse(changedAt) < Date.parse(time)

function note(run: Run, date: string): void {
  run.changes += 1
  if (date !== '') run.changedAt = date
}

const rank = (run: Run): number => (isSaved(run) ? 0 : 1)
