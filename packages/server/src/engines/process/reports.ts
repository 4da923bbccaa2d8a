import { readFileSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Clock } from '../../lib/clock.ts'
import type { Phase, TaskExit, TaskReport } from '../engine.ts'

/** What `shim/report.py` writes. */
export interface ReportFile {
  pid: number
  /** Clock ticks between the machine's start and the process's. */
  start: number
  /** Identifies the run of the machine. */
  boot: string
  /** `pid` is the first process of the task's namespaces, which minds the file `stop` and SIGTERM. */
  supervised?: boolean
  phases: { phase: Phase; at: number }[]
  cgroups: string[]
  exit?: TaskExit
  endedAt?: number
}

const suffix = '.json'

/** The reports of all tasks: one folder of small files, each replaced as a whole by the task's shim. */
export class Reports {
  readonly folder: string
  readonly #clock: Clock
  readonly #boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  /** An ended task's report does not change any more. */
  readonly #ended = new Map<string, ReportFile>()

  constructor(folder: string, clock: Clock) {
    this.folder = folder
    this.#clock = clock
  }

  /** Reads one report. A task whose process has gone without a word is recorded as lost. Null: no such task. */
  async read(id: string): Promise<ReportFile | null> {
    const known = this.#ended.get(id)
    if (known) return known
    const first = await this.#readFile(id)
    if (!first || first.exit || (await this.#lives(first))) return this.#keep(id, first)
    // It may have reported its end, or passed the task on, between our two looks.
    const second = await this.#readFile(id)
    if (!second || second.exit || (await this.#lives(second))) return this.#keep(id, second)
    const lost = { ...second, exit: this.#lostExit(second), endedAt: this.#clock.now() }
    const draft = join(this.folder, `.${id}.lost`)
    await writeFile(draft, JSON.stringify(lost), { mode: 0o600, flush: true })
    await rename(draft, join(this.folder, id + suffix))
    return this.#keep(id, lost)
  }

  async list(): Promise<TaskReport[]> {
    const ids = (await readdir(this.folder)).map(taskOfFile).filter((id) => id !== null)
    const reports = await Promise.all(ids.map(async (id) => ({ id, file: await this.read(id) })))
    return reports.flatMap(({ id, file }) => (file ? [toTaskReport(id, file)] : []))
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.folder, id + suffix), { force: true })
    this.#ended.delete(id)
  }

  /** Whether the process that answers for the task is there. */
  lives(file: ReportFile): Promise<boolean> {
    return this.#lives(file)
  }

  #keep(id: string, file: ReportFile | null): ReportFile | null {
    if (file?.exit) this.#ended.set(id, file)
    return file
  }

  async #readFile(id: string): Promise<ReportFile | null> {
    try {
      return JSON.parse(await readFile(join(this.folder, id + suffix), 'utf8')) as ReportFile
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  async #lives(file: ReportFile): Promise<boolean> {
    if (file.boot !== this.#boot) return false
    try {
      const text = await readFile(`/proc/${file.pid}/stat`, 'utf8')
      // The name in brackets may hold spaces and brackets itself; what follows the last one is plain.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return fields[0] !== 'Z' && fields[0] !== 'X' && Number(fields[19]) === file.start
    } catch {
      return false
    }
  }

  #lostExit(file: ReportFile): TaskExit {
    const reason =
      file.boot === this.#boot
        ? 'The process that ran it was killed from outside.'
        : 'The machine was restarted while it ran.'
    return { cause: 'lost', code: null, reason, blame: 'machine' }
  }
}

/** The task that a file of the folder reports on; null for drafts. */
export function taskOfFile(name: string): string | null {
  return name.endsWith(suffix) && !name.startsWith('.') ? name.slice(0, -suffix.length) : null
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function toTaskReport(id: string, file: ReportFile): TaskReport {
  const { phases, exit, endedAt } = file
  if (exit && endedAt !== undefined) return { id, state: 'ended', phases, exit, endedAt }
  return { id, state: phases.some(({ phase }) => phase === 'run') ? 'running' : 'starting', phases }
}
