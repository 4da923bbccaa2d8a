import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { AppError } from '../lib/app-error.ts'
import { errorCode, isMissing } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { removeTree } from '../volumes/remove-tree.ts'
import { emptyFolder, inStaging, moveToTrash, stagingBeside, trashBeside } from '../volumes/staging.ts'
import { treePrint } from './tree-print.ts'
import type { Written } from './tree-writer.ts'

export interface TreeCacheOptions {
  /** `<dataDir>/cache/trees` */
  dir: string
  /** Bounds; what is in use is kept beyond them. */
  mostBytes: number
  mostEntries?: number
  clock: Clock
  /** Which trees tasks have mounted, or are about to: by the rows, so that it holds after a crash as well. */
  inUse: () => Promise<ReadonlySet<string>>
  /** Hears of space that could not be freed. */
  onError: (error: unknown) => void
  /** Hears of a tree whose files somebody has changed. */
  onChanged: (digest: string) => void
}

/** Makes the files of a tree in an empty folder. */
export type MakeTree = (folder: string, signal: AbortSignal) => Promise<Written>

/** What the cache does not know of a tree itself. */
export interface TreeFiles {
  make: MakeTree
  /** Whether a folder still holds exactly this tree, by its contents. */
  isIn: (folder: string) => Promise<boolean>
}

/**
 * Trees as folders, made once for each digest, from which tasks start: `<dir>/<digest>/files`, which nobody writes to.
 * A folder appears whole or not at all. It is not forced to the disk: beside it stands which boot of the machine it was
 * made in, and after another boot it is made again. So it is when somebody has changed its files, which is seen each time
 * a tree is asked for, up to a number of files. The ones used longest ago go when there are too many.
 */
export class TreeCache {
  readonly #options: TreeCacheOptions
  readonly #kept = new Map<string, Kept>()
  readonly #making = new Map<string, Making>()
  readonly #evicting = new Map<string, Promise<unknown>>()
  readonly #closing = new AbortController()
  readonly #background = new Set<Promise<void>>()
  readonly #bootId: string

  constructor(options: TreeCacheOptions) {
    this.#options = options
    this.#bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    for (const dir of [options.dir, stagingBeside(this.#place('any')), trashBeside(this.#place('any'))]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
    }
  }

  /** Finds what is there; clears away what a crash left behind. Before anything else is asked for. */
  async sweep(): Promise<void> {
    const { dir } = this.#options
    const [staging, trash] = [stagingBeside(this.#place('any')), trashBeside(this.#place('any'))]
    await rename(staging, join(trash, randomUUID()))
    await mkdir(staging, { mode: 0o700 })
    for (const digest of await readdir(dir)) {
      if (!/^[0-9a-f]{64}$/.test(digest)) continue
      const kept = await this.#readMark(digest)
      if (kept) this.#kept.set(digest, kept)
      else await moveToTrash(this.#place(digest), this.#place(digest))
    }
    this.#start(emptyFolder(trash, this.#closing.signal))
    this.#start(this.trim())
  }

  /** The folder of a tree, made if it is not there. All who ask at the same time wait for one making. */
  async get(digest: string, files: TreeFiles, signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted()
      await this.#evicting.get(digest)?.catch(() => {})
      const isThere = await this.#isThere(digest, files)
      // It may be on its way out since it was looked at: only what a task has a row for is kept.
      if (this.#evicting.has(digest)) continue
      if (isThere && this.#touch(digest)) return join(this.#place(digest), 'files')
      const making = this.#making.get(digest) ?? this.#begin(digest, files.make)
      await waitFor(making, signal)
    }
  }

  /** Takes a folder that holds exactly this tree, unless there is one; it is moved away from where it is. */
  async adopt(digest: string, folder: string, written: Written): Promise<void> {
    if (this.#kept.has(digest) || this.#making.has(digest) || this.#evicting.has(digest)) return
    const make = async (target: string) => (await rename(folder, target), written)
    await this.get(digest, { make, isIn: () => Promise.resolve(true) }, this.#closing.signal)
  }

  /** How much there is. */
  figures(): { trees: number; entries: number; diskBytes: number } {
    const all = [...this.#kept.values()]
    const sum = (pick: (kept: Kept) => number) => all.reduce((total, kept) => total + pick(kept), 0)
    return { trees: all.length, entries: sum((kept) => kept.entries), diskBytes: sum((kept) => kept.diskBytes) }
  }

  /** Removes the trees used longest ago until the rest fits. `all`: everything that is not in use. */
  async trim(all = false): Promise<void> {
    const { mostBytes, mostEntries = limits.treeCacheEntries } = this.#options
    const oldest = [...this.#kept].sort(([, a], [, b]) => a.usedAt - b.usedAt)
    for (const [digest] of oldest) {
      const { diskBytes, entries } = this.figures()
      if (!all && diskBytes <= mostBytes && entries <= mostEntries) return
      if (this.#closing.signal.aborted) return
      if (!this.#kept.has(digest) || this.#evicting.has(digest)) continue
      const evicting = this.#evict(digest).finally(() => this.#evicting.delete(digest))
      this.#evicting.set(digest, evicting)
      await evicting
    }
  }

  /** Stops what is under way in the background; the next sweep goes on. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const making of this.#making.values()) making.abort.abort()
    await Promise.allSettled([...this.#background, ...[...this.#making.values()].map((making) => making.done)])
  }

  #place(digest: string): string {
    return join(this.#options.dir, digest)
  }

  /**
   * A task that needs a tree has its row before it asks for it. So whoever got this one before it was marked as being
   * evicted is seen here, and whoever asks from now on waits and makes it anew.
   */
  async #evict(digest: string): Promise<void> {
    if ((await this.#options.inUse()).has(digest)) return
    const moved = await moveToTrash(this.#place(digest), this.#place(digest))
    this.#kept.delete(digest)
    this.#start(removeTree(moved, this.#closing.signal))
  }

  #begin(digest: string, make: MakeTree): Making {
    const abort = new AbortController()
    const done = this.#make(digest, make, abort.signal).finally(() => this.#making.delete(digest))
    done.catch(() => {})
    const making: Making = { done, abort, waiting: 0 }
    this.#making.set(digest, making)
    return making
  }

  async #make(digest: string, make: MakeTree, signal: AbortSignal): Promise<void> {
    try {
      await this.#makeOnce(digest, make, signal)
    } catch (error) {
      if (!isDiskFull(error)) throw error
      // What nobody uses is there to be given up for this.
      await this.trim(true)
      await this.#settle()
      await this.#makeOnce(digest, make, signal)
    }
    this.#start(this.trim())
  }

  async #makeOnce(digest: string, make: MakeTree, signal: AbortSignal): Promise<void> {
    try {
      await inStaging(this.#place(digest), async (staging) => {
        const whole = join(staging, 'tree')
        await mkdir(join(whole, 'files'), { recursive: true, mode: 0o755 })
        const { entries, diskBytes } = await make(join(whole, 'files'), signal)
        signal.throwIfAborted()
        const print = await treePrint(join(whole, 'files'))
        const mark: Mark = { bootId: this.#bootId, entries, diskBytes, print }
        await writeFile(join(whole, markName), JSON.stringify(mark))
        await rename(whole, this.#place(digest))
        this.#kept.set(digest, { entries, diskBytes, print, usedAt: this.#options.clock.now() })
      })
    } catch (error) {
      throw ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '') ? new AppError('disk_full') : error
    }
  }

  async #isThere(digest: string, files: TreeFiles): Promise<boolean> {
    const kept = this.#kept.get(digest)
    if (!kept) return false
    const folder = join(this.#place(digest), 'files')
    const found = await lstat(folder).catch(() => undefined)
    if (!found) {
      // Somebody tidied up by hand.
      this.#kept.delete(digest)
      await removeTree(this.#place(digest))
      return false
    }
    const print = kept.print === null ? null : await treePrint(folder)
    if (print === kept.print) return true
    // A backup may have touched them, which changes nothing.
    if (await files.isIn(folder)) {
      kept.print = print
      return true
    }
    await this.#setAside(digest, kept)
    return false
  }

  /** Moves away what is not the tree any more. Tasks that have it mounted keep it, until the sweep of the next start. */
  async #setAside(digest: string, kept: Kept): Promise<void> {
    if (this.#kept.get(digest) === kept && !this.#evicting.has(digest)) {
      this.#options.onChanged(digest)
      const moving = moveToTrash(this.#place(digest), this.#place(digest)).finally(() => this.#evicting.delete(digest))
      this.#evicting.set(digest, moving)
      this.#kept.delete(digest)
    }
    await this.#evicting.get(digest)
  }

  /** The time of the mark is that of the last use, for after a restart. False: it is gone. */
  #touch(digest: string): boolean {
    const kept = this.#kept.get(digest)
    const now = this.#options.clock.now()
    if (!kept || now === kept.usedAt) return kept !== undefined
    kept.usedAt = now
    this.#start(utimes(join(this.#place(digest), markName), now / 1000, now / 1000))
    return true
  }

  async #readMark(digest: string): Promise<Kept | undefined> {
    try {
      const path = join(this.#place(digest), markName)
      const { bootId, entries, diskBytes, print } = JSON.parse(await readFile(path, 'utf8')) as Mark
      if (bootId !== this.#bootId) return undefined
      return { entries, diskBytes, print: print ?? null, usedAt: (await lstat(path)).mtimeMs }
    } catch (error) {
      if (isMissing(error) || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  #start(work: Promise<unknown>): void {
    const done = work.then(
      () => {},
      (error: unknown) => {
        if (!this.#closing.signal.aborted && !isMissing(error)) this.#options.onError(error)
      },
    )
    this.#background.add(done)
    void done.finally(() => this.#background.delete(done))
  }

  async #settle(): Promise<void> {
    await Promise.all(this.#background)
  }
}

const markName = 'made.json'

interface Mark {
  bootId: string
  entries: number
  diskBytes: number
  /** See `treePrint`; earlier versions kept none. */
  print?: string | null
}

interface Kept {
  entries: number
  diskBytes: number
  print: string | null
  /** Milliseconds since the epoch. */
  usedAt: number
}

interface Making {
  done: Promise<void>
  abort: AbortController
  waiting: number
}

/** Waits for a making that others may wait for, too: it is broken off when the last of them goes. */
async function waitFor(making: Making, signal: AbortSignal): Promise<void> {
  making.waiting++
  let leave = () => {}
  const left = new Promise<void>((resolve) => {
    leave = () => {
      if (--making.waiting === 0) making.abort.abort()
      resolve()
    }
    signal.addEventListener('abort', leave)
  })
  try {
    await Promise.race([making.done, left])
  } catch (error) {
    // Broken off because the others went, before this one came: it is begun anew.
    if (!making.abort.signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

const isDiskFull = (error: unknown): boolean => error instanceof AppError && error.code === 'disk_full'
