import { randomBytes } from 'node:crypto'
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
const unreadable: ReportFile = { pid: 0, start: 0, boot: '', phases: [], cgroups: [] }

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
    let dead: number | null = null
    for (;;) {
      const file = await this.#readFile(id)
      if (!file || file.exit) return this.#keep(id, file)
      // A task is lost only if its report still names a process that was dead before the report was read: between our
      // two looks, its end may have been reported, or that another process now answers for it.
      if (file.pid === dead) return this.#keep(id, await this.#recordLoss(id, file))
      if (await this.lives(file)) return file
      dead = file.pid
    }
  }

  async list(): Promise<TaskReport[]> {
    const ids = (await readdir(this.folder)).map(taskOfFile).filter((id) => id !== null)
    const reports = await Promise.all(ids.map(async (id) => ({ id, file: await this.read(id) })))
    return reports.flatMap(({ id, file }) => (file ? [toTaskReport(id, file)] : []))
  }

  async remove(id: string): Promise<void> {
    // A task that was killed leaves the room that it kept for its last report.
    for (const name of [`.${id}.last`, `.${id}.draft`, id + suffix]) await rm(join(this.folder, name), { force: true })
    this.#ended.delete(id)
  }

  /** Whether its end has been read. The process that reported it lives on for a moment. */
  isKnownToHaveEnded(id: string): boolean {
    return this.#ended.has(id)
  }

  /** Whether the process that answers for the task is there. */
  async lives(file: ReportFile): Promise<boolean> {
    if (file.boot !== this.#boot) return false
    try {
      const text = await readFile(`/proc/${file.pid}/stat`, 'utf8')
      // The name in brackets may hold spaces and brackets itself; what follows the last one is plain.
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return fields[0] !== 'Z' && fields[0] !== 'X' && Number(fields[19]) === file.start
    } catch (error) {
      // A process that ends while it is read says ESRCH. Anything else, such as too many open files, says nothing of it.
      if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH')) return false
      throw error
    }
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
      // A machine that lost power may bring a file back empty; what ran then is gone.
      if (error instanceof SyntaxError) return unreadable
      throw error
    }
  }

  async #recordLoss(id: string, file: ReportFile): Promise<ReportFile> {
    const reason =
      file.boot === this.#boot
        ? 'The process that ran it was killed from outside.'
        : 'The machine was restarted while it ran.'
    const exit: TaskExit = { cause: 'lost', code: null, reason, blame: 'machine' }
    const lost = { ...file, exit, endedAt: this.#clock.now() }
    const draft = join(this.folder, `.${id}.${randomBytes(4).toString('hex')}`)
    await writeFile(draft, JSON.stringify(lost), { mode: 0o600, flush: true })
    await rename(draft, join(this.folder, id + suffix))
    return lost
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
