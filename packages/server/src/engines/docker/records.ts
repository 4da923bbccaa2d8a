import { randomBytes } from 'node:crypto'
import { constants, mkdirSync } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Phase, TaskExit, TaskSpec } from '../engine.ts'
import { marks, reachFile, stopFile } from './init.ts'

/** What has to outlive the server about one task, beside what its container and its files tell. */
export interface TaskRecord {
  phases: { phase: Phase; at: number }[]
  /** By digest, or by id. */
  image?: string
  /** A container was made: if there is none, somebody has removed it. */
  created?: boolean
  /** Which start of the machine it was made in. */
  boot?: string
  /** Milliseconds since the epoch at which it is killed, once it was told to stop. */
  killAt?: number
  graceMs?: number
  /** We killed it, for not having ended in time. */
  killed?: boolean
  exit?: TaskExit
  endedAt?: number
}

/** What a task tells by the files in its state folder. */
export interface Marks {
  /** Milliseconds since the epoch. */
  environmentAt?: number
  runAt?: number
  done: boolean
  /** It was told to end, by whomever. */
  term: boolean
  failed: boolean
  /** Processes that the kernel killed for want of memory. */
  oomKills: number
}

/** Text in a file that says "not yet". The task cannot leave it by accident, and an emptied file says "yes". */
const notYet = 'not yet\n'
const markBytes = 32
const lastBytes = 4096

/** A folder for each task: `spec.json`, `record.json`, `state/` and the files that it may change. */
export class Records {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  folderOf(id: string): string {
    return join(this.#folder, id)
  }

  stateOf(id: string): string {
    return join(this.#folder, id, 'state')
  }

  /** Makes a task durable. */
  async create(spec: TaskSpec, record: TaskRecord): Promise<void> {
    const state = this.stateOf(spec.id)
    await mkdir(state, { recursive: true, mode: 0o700 })
    // The user of an image is any; nobody else on this machine gets to the folder above.
    await chmod(state, 0o755)
    for (const name of Object.values(marks)) await openToAll(join(state, name), notYet)
    await replaceFile(this.folderOf(spec.id), 'spec.json', JSON.stringify(spec))
    await this.save(spec.id, record)
  }

  async save(id: string, record: TaskRecord): Promise<void> {
    await replaceFile(this.folderOf(id), 'record.json', JSON.stringify(record))
  }

  /** All tasks. A folder without a record is of one whose start was never acknowledged: it is removed. */
  async load(): Promise<{ spec: TaskSpec; record: TaskRecord }[]> {
    const found: { spec: TaskSpec; record: TaskRecord }[] = []
    for (const id of await readdir(this.#folder)) {
      const spec = await readJson<TaskSpec>(join(this.folderOf(id), 'spec.json'))
      const record = await readJson<TaskRecord>(join(this.folderOf(id), 'record.json'))
      if (spec && record) found.push({ spec, record })
      else await this.remove(id)
    }
    return found
  }

  /** Says to a task that it is to stop, should it not listen yet. */
  askToStop(id: string): Promise<void> {
    return makeNew(join(this.stateOf(id), stopFile))
  }

  /** Says to a task that it need not wait for its way to the server any longer. */
  letBegin(id: string): Promise<void> {
    return makeNew(join(this.stateOf(id), reachFile))
  }

  async marks(id: string): Promise<Marks> {
    const state = this.stateOf(id)
    const [environment, run, done, term, failed] = await Promise.all(
      [marks.environment, marks.run, marks.done, marks.term, marks.failed].map((name) => readMark(join(state, name))),
    )
    return {
      ...(environment ? { environmentAt: environment.at } : {}),
      ...(run ? { runAt: run.at } : {}),
      done: isThere(done),
      term: isThere(term),
      failed: isThere(failed),
      oomKills: Number(done?.text) || 0,
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.folderOf(id), { recursive: true, force: true })
  }
}

const isThere = (mark: object | null | undefined): boolean => mark !== null && mark !== undefined

/** Makes a file that the user of any image can write to. */
export async function openToAll(path: string, text = ''): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY, 0o666)
  try {
    if (text !== '') await file.writeFile(text)
    await file.chmod(0o666)
  } finally {
    await file.close()
  }
}

/** The task may have put anything in its place, such as a link to a file of the machine: that is left alone. */
async function makeNew(path: string): Promise<void> {
  try {
    await (await open(path, 'wx')).close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** The last line of a file, of the last few kilobytes; empty if there is none. */
export async function lastLine(path: string): Promise<string> {
  const file = await open(path).catch(() => null)
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(lastBytes), 0, lastBytes, Math.max(0, size - lastBytes))
    return buffer.toString('utf8', 0, bytesRead).trim().split('\n').at(-1) ?? ''
  } finally {
    await file.close()
  }
}

/** A mark that says yes. The task can change its files as it likes: nothing but a small plain file is read. */
async function readMark(path: string): Promise<{ at: number; text: string } | null> {
  try {
    const found = await lstat(path)
    if (!found.isFile()) return null
    if (found.size === 0) return { at: Math.floor(found.mtimeMs), text: '' }
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(markBytes), 0, markBytes, 0)
      const text = buffer.toString('latin1', 0, bytesRead)
      return text === notYet ? null : { at: Math.floor(found.mtimeMs), text }
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}

async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const draft = join(folder, `.${name}.${randomBytes(4).toString('hex')}`)
  try {
    await writeFile(draft, text, { mode: 0o600, flush: true })
    await rename(draft, join(folder, name))
  } finally {
    await rm(draft, { force: true })
  }
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch {
    return null
  }
}
