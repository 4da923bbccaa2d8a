import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { runLimits } from '@nabla/api/run'
import type { Deps } from '../../deps.ts'
import { readEventRecords } from '../../formats/event-records.ts'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { looksLikeId } from '../../lib/ids.ts'
import { openBeneath } from '../../lib/safe-path.ts'
import { type Task, toTask } from '../../tasks/task.ts'
import type { NamedPoint } from '../../tracking/tracking-store.ts'
import type { Pass } from '../tended.ts'
import { keepMedia, type KeptMedia, mostRecordBytes } from './event-media.ts'
import { type EventPlace, findEventFiles, type FoundFile, placesOf, prefixFor } from './event-places.ts'
import { jobRunId, makeJobRun } from './job-run.ts'

interface EventFile extends FoundFile {
  prefix: string
  readBytes: number
  damaged: boolean
}

type KnownFiles = Map<string, { prefix: string; readBytes: number; damaged: boolean }>

/** A task that may write event files. */
interface Followed {
  task: Task
  places: EventPlace[]
  files: Map<string, EventFile>
  /** How far its files have been read, also by an earlier server; undefined while it has none. */
  known: KnownFiles | undefined
  /** When its folders are looked through again, on the steady clock. */
  walkAt: number
  /** Images, texts and histograms that were kept of it. */
  kept: KeptMedia
  reading: Promise<void>
}

/**
 * Reads the event files of TensorBoard that jobs write, while they write them, and folds their scalars into the runs
 * of these jobs. What has been read is written down after it is stored, so that a server that was killed goes on
 * there: what it reads twice is one value.
 */
export class EventFiles {
  readonly #deps: Deps
  readonly #followed = new Map<string, Followed>()
  #dueAt = 0
  #looking = false
  #waiting = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** To be called after each pass of the control loop: looks at the files of running jobs, now and then. */
  tend({ woken }: Pick<Pass, 'woken'>, stopped: AbortSignal): Promise<void>[] {
    if (this.#looking) return []
    const inMs = this.#dueAt - this.#deps.clock.steady()
    if (inMs > 0) {
      this.#wakeIn(inMs, [...woken])
      return []
    }
    this.#looking = true
    const look = this.#look(stopped).finally(() => {
      this.#looking = false
      this.#dueAt = this.#deps.clock.steady() + limits.eventFilesMs
      this.#wakeIn(limits.eventFilesMs, [])
    })
    return [look]
  }

  /** Reads what a task that has ended has left, before anybody is told of its end. Never fails. */
  async finish(task: Task): Promise<void> {
    if (!looksLikeId('job', task.ownerId)) return
    const followed = this.#followed.get(task.id)
    this.#followed.delete(task.id)
    await followed?.reading
    await this.#try(async () => {
      const last = followed ?? begin(task)
      last.walkAt = 0
      await this.#read(last, limits.eventFileLastBytes)
    }, task)
  }

  /** Has the loop make a pass then, for the sake of a job that runs or may have begun to. */
  #wakeIn(ms: number, woken: readonly string[]): void {
    const [first] = this.#followed.values()
    const id = first?.task.ownerId ?? woken.find((one) => looksLikeId('job', one))
    if (this.#waiting || id === undefined) return
    this.#waiting = true
    this.#deps.clock.after(ms, () => {
      this.#waiting = false
      this.#deps.loop.wake(id)
    })
  }

  async #look(stopped: AbortSignal): Promise<void> {
    try {
      const running = await this.#running()
      for (const id of this.#followed.keys()) if (!running.has(id)) this.#followed.delete(id)
      for (const id of running) if (!stopped.aborted) await this.#lookAt(id)
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'event files could not be looked for; it is tried again')
    }
  }

  async #running(): Promise<Set<string>> {
    const tasks = this.#deps.db.selectFrom('tasks').select(['id', 'ownerId'])
    const rows = await tasks.where('state', '=', 'running').execute()
    return new Set(rows.filter(({ ownerId }) => looksLikeId('job', ownerId)).map(({ id }) => id))
  }

  async #lookAt(id: string): Promise<void> {
    const followed = this.#followed.get(id) ?? (await this.#begin(id))
    if (!followed) return
    followed.reading = this.#try(() => this.#read(followed, limits.eventFilePassBytes), followed.task)
    await followed.reading
  }

  async #begin(id: string): Promise<Followed | undefined> {
    const row = await this.#deps.db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row || row.state !== 'running') return undefined
    const followed = begin(toTask(row))
    this.#followed.set(id, followed)
    return followed
  }

  /** How far its files were read before. */
  async #known(task: Task): Promise<KnownFiles> {
    const rows = await this.#deps.db
      .selectFrom('runEventFiles')
      .selectAll()
      .where('runId', '=', jobRunId(task.ownerId))
      .execute()
    return new Map(rows.map((row) => [row.path, { ...row, damaged: row.damaged > 0 }]))
  }

  /** Reads what is new in its files, up to so many bytes in all. */
  async #read(followed: Followed, mostBytes: number): Promise<void> {
    await this.#find(followed)
    let left = mostBytes
    for (const file of followed.files.values()) {
      if (left <= 0) return
      left -= await this.#readFile(followed, file, left)
    }
  }

  /** Looking through large folders is done less often: it never takes more than a small share of the time. */
  async #find(followed: Followed): Promise<void> {
    const { clock } = this.#deps
    const began = clock.steady()
    if (began < followed.walkAt) return
    followed.places = await placesOf(this.#deps, followed.task)
    for (const place of followed.places) {
      const found = await findEventFiles(place)
      if (found.length > 0) await this.#follow(followed, found)
    }
    followed.walkAt = clock.steady() + limits.eventFileShare * (clock.steady() - began)
  }

  async #follow(followed: Followed, found: readonly FoundFile[]): Promise<void> {
    const known: KnownFiles = followed.known ?? (await this.#known(followed.task))
    followed.known = known
    const prefixes = new Map([...known].map(([key, { prefix }]) => [folderOf(key), prefix]))
    for (const one of found) {
      if (followed.files.has(one.key) || followed.files.size >= limits.eventFiles) continue
      const before = known.get(one.key) ?? { prefix: prefixFor(one.folder, prefixes), readBytes: 0, damaged: false }
      const file = { ...before, ...one }
      prefixes.set(one.folder, file.prefix)
      followed.files.set(one.key, file)
      known.set(one.key, file)
    }
  }

  /** Answers how much it has read. */
  async #readFile(followed: Followed, file: EventFile, mostBytes: number): Promise<number> {
    if (file.damaged) return 0
    const handle = await openFile(file)
    if (!handle) return 0
    try {
      const { size } = await handle.stat()
      // Shorter than it was: somebody began it anew.
      if (size < file.readBytes) file.readBytes = 0
      const began = file.readBytes
      while (file.readBytes < size && file.readBytes - began < mostBytes && !file.damaged) {
        if (!(await this.#readPiece(followed, file, handle, size))) break
      }
      return Math.max(0, file.readBytes - began)
    } finally {
      await handle.close()
    }
  }

  /** Answers whether there may be more. */
  async #readPiece({ task, kept }: Followed, file: EventFile, handle: FileHandle, size: number): Promise<boolean> {
    const read = await readAt(handle, file.readBytes, limits.eventPieceBytes)
    // A record that is larger than a piece is read by itself, once all of it is there.
    const isLarge = read.readBytes === 0 && (read.nextBytes ?? 0) > limits.eventPieceBytes
    const isThere = isLarge && read.nextBytes! <= mostRecordBytes && file.readBytes + read.nextBytes! <= size
    const whole = isThere ? await readAt(handle, file.readBytes, read.nextBytes!) : read
    const { scalars, media, readBytes, nextBytes, damaged } = whole
    // An image or a graph that is larger still is passed over.
    const skipped = readBytes === 0 && nextBytes !== undefined && nextBytes > limits.eventPieceBytes
    const ahead = skipped && file.readBytes + nextBytes <= size ? nextBytes : readBytes
    if (ahead === 0 && !damaged) return false
    const points = scalars
      .map(({ tag, step, at, value }) => ({ name: file.prefix + tag, step, at, value }))
      .filter(({ name }) => name.length <= runLimits.nameLength)
    file.damaged = damaged || !(await this.#log(task, points, media.length > 0))
    if (!file.damaged || damaged) await keepMedia(this.#deps, task, kept, file.prefix, media)
    file.readBytes += ahead
    await this.#note(task, file)
    return true
  }

  /** False where its run takes no more. */
  async #log(task: Task, points: readonly NamedPoint[], hasMedia: boolean): Promise<boolean> {
    if (points.length === 0 && !hasMedia) return true
    const runId = jobRunId(task.ownerId)
    const { db, tracking } = this.#deps
    const row = await db.selectFrom('runs').select('deletedAt').where('id', '=', runId).executeTakeFirst()
    if (row?.deletedAt) return false
    if (!row && !(await makeJobRun(this.#deps, task, runId))) return false
    try {
      await tracking.log(runId, { points, params: new Map(), labels: new Map() })
      return true
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'too_many_names') throw error
      await this.#deps.logs.note(task.ownerId, task.attempt, `Event files of TensorBoard: ${error.message}`)
      return false
    }
  }

  async #note({ ownerId }: Task, { key: path, prefix, readBytes, damaged }: EventFile): Promise<void> {
    const row = { runId: jobRunId(ownerId), path, prefix, readBytes, damaged: damaged ? 1 : 0 }
    await this.#deps.db
      .insertInto('runEventFiles')
      .values(row)
      .onConflict((c) => c.columns(['runId', 'path']).doUpdateSet({ readBytes, damaged: row.damaged }))
      .execute()
  }

  async #try(run: () => Promise<void>, task: Task): Promise<void> {
    try {
      await run()
    } catch (error) {
      this.#deps.log.warn({ err: error, subject: task.ownerId }, 'its event files could not be read')
    }
  }
}

const begin = (task: Task): Followed => {
  return {
    task,
    places: [],
    files: new Map(),
    known: undefined,
    walkAt: 0,
    kept: { files: 0, bytes: 0 },
    reading: Promise.resolve(),
  }
}

/** The folder in a key, which may begin with the number of an attempt. */
const folderOf = (key: string): string => key.slice(key.indexOf('/'), key.lastIndexOf('/'))

async function readAt(handle: FileHandle, position: number, bytes: number) {
  const { buffer, bytesRead } = await handle.read({ buffer: Buffer.allocUnsafe(bytes), position })
  return readEventRecords(buffer.subarray(0, bytesRead))
}

async function openFile({ place, path }: FoundFile): Promise<FileHandle | null> {
  try {
    return await openBeneath(place.root, path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch {
    return null
  }
}
