import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

import { AppError } from '../lib/app-error.ts'
import { assert } from '../lib/assert.ts'
import { fileError, isMissing } from '../lib/file-error.ts'
import { fdPath, withParent } from '../lib/safe-path.ts'
import { removeTree } from './remove-tree.ts'
import { syncFolder } from './staging.ts'
import { hashFile } from './tree-digest.ts'

/** What is to come of an upload. */
export interface UploadPlan {
  path: string
  sizeBytes: number
  sha256: string | null
  /** Milliseconds since 1970; null: when it is finished. */
  modifiedMs: number | null
  executable: boolean
}

export interface Upload extends UploadPlan {
  id: string
  /** What has arrived, and is on the disk. */
  offsetBytes: number
}

/**
 * Large files that arrive part by part: `<dataDir>/volumes/.uploads/<volume>/<upload>/` with `plan.json` and `data`.
 * How far one is, is the size of `data`, so a server that was killed carries on from there; when it was last touched
 * is the time of that file. On the same disk as the volumes, so that a finished one is renamed into its place.
 */
export class UploadStore {
  readonly #root: string
  /** By upload: what works on it now, one after the other. */
  readonly #working = new Map<string, { cut: AbortController; done: Promise<void> }>()
  /** By upload: the hash of its first bytes, so that it need not be read again at its end. */
  readonly #hashes = new Map<string, { hash: Hash; bytes: number }>()

  constructor(dataDir: string) {
    this.#root = join(dataDir, 'volumes', '.uploads')
  }

  /** All uploads into a volume. */
  async list(volume: string): Promise<Upload[]> {
    const ids = await namesIn(this.#dir(volume))
    const found = await Promise.all(ids.map((id) => this.find(volume, id)))
    return found.filter((upload) => upload !== undefined)
  }

  async find(volume: string, id: string): Promise<Upload | undefined> {
    if (!/^[0-9a-z]{1,40}$/.test(id)) return undefined
    const dir = join(this.#dir(volume), id)
    try {
      const plan = JSON.parse(await readFile(join(dir, 'plan.json'), 'utf8')) as UploadPlan
      const { size } = await stat(join(dir, 'data'))
      return { ...plan, id, offsetBytes: size }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** Begins an upload, durably. `id` is new. */
  async begin(volume: string, id: string, plan: UploadPlan, now: number): Promise<Upload> {
    const dir = join(this.#dir(volume), id)
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      const data = await open(join(dir, 'data'), 'wx', 0o644)
      await data.utimes(now / 1000, now / 1000)
      await data.close()
      const text = await open(join(dir, 'plan.new'), 'wx', 0o600)
      await text.writeFile(JSON.stringify(plan))
      await text.sync()
      await text.close()
      await rename(join(dir, 'plan.new'), join(dir, 'plan.json'))
      for (const folder of [dir, this.#dir(volume), this.#root, dirname(this.#root)]) await syncFolder(folder)
      return { ...plan, id, offsetBytes: 0 }
    } catch (error) {
      await removeTree(dir)
      throw fileError(error, plan.path)
    }
  }

  /**
   * Adds the next part. One that comes while another is being written takes its place: the client that sent that one
   * is gone. What has arrived of a part that breaks off stays. Throws `wrong_offset`, `body_too_large`, `disk_full`,
   * and `invalid` when it broke off.
   */
  append(volume: string, upload: Upload, part: { offset: number; source: Readable; now(): number }): Promise<Upload> {
    part.source.on('error', () => {})
    return this.#alone(upload.id, async (cut) => {
      const file = await this.#data(volume, upload, constants.O_WRONLY)
      try {
        const { size } = await file.stat()
        if (part.offset !== size) throw wrongOffset(upload, size)
        const offsetBytes = await this.#receive(file, upload, part, cut)
        return { ...upload, offsetBytes }
      } catch (error) {
        throw fileError(error, upload.path)
      } finally {
        await file.close()
      }
    })
  }

  /**
   * Checks what has arrived and moves it to its place beneath `target`. Throws `wrong_offset` when it is not all, and
   * `checksum_mismatch`, which gives up the upload: there is no way to tell which part is wrong.
   */
  finish(
    volume: string,
    upload: Upload,
    { target, sha256, now }: { target: string; sha256: string | undefined; now: number },
  ): Promise<{ sizeBytes: number; sha256: string }> {
    return this.#alone(upload.id, async () => {
      const file = await this.#data(volume, upload, constants.O_RDWR)
      try {
        const { size } = await file.stat()
        if (size !== upload.sizeBytes) throw wrongOffset(upload, size)
        const actual = await this.#hashOf(upload.id, file, size)
        const expected = sha256 ?? upload.sha256
        if (expected !== null && expected !== actual) {
          await this.#remove(volume, upload.id)
          throw new AppError('checksum_mismatch', { expected, actual })
        }
        await file.chmod(upload.executable ? 0o755 : 0o644)
        const seconds = (upload.modifiedMs ?? now) / 1000
        await file.utimes(seconds, seconds)
        await file.sync()
        await withParent(target, upload.path, { create: true }, async (parent, name) => {
          await rename(join(this.#dir(volume), upload.id, 'data'), parent.at(name))
          await syncFolder(fdPath(parent.handle))
        })
        await this.#remove(volume, upload.id)
        return { sizeBytes: size, sha256: actual }
      } finally {
        await file.close()
      }
    })
  }

  cancel(volume: string, id: string): Promise<void> {
    return this.#alone(id, () => this.#remove(volume, id))
  }

  /** Removes uploads that nobody has touched since `before` (milliseconds since 1970). */
  async sweep(before: number): Promise<void> {
    for (const volume of await namesIn(this.#root)) {
      for (const id of await namesIn(this.#dir(volume))) {
        const dir = join(this.#dir(volume), id)
        // Without its data it has been finished or was never begun: the folder says how old it is.
        const touched = await stat(join(dir, 'data')).catch(() => stat(dir).catch(() => undefined))
        if (touched && touched.mtimeMs < before) await this.cancel(volume, id)
      }
    }
  }

  #dir(volume: string): string {
    assert(/^[0-9a-z]{1,40}$/.test(volume), `not the id of a volume: ${volume}`)
    return join(this.#root, volume)
  }

  async #data(volume: string, upload: Upload, flags: number): Promise<FileHandle> {
    try {
      return await open(join(this.#dir(volume), upload.id, 'data'), flags)
    } catch (error) {
      if (isMissing(error)) throw new AppError('not_found', { noun: 'upload', id: upload.id })
      throw error
    }
  }

  async #receive(
    file: FileHandle,
    upload: Upload,
    { offset, source, now }: { offset: number; source: Readable; now(): number },
    cut: AbortSignal,
  ): Promise<number> {
    const known = this.#hashes.get(upload.id) ?? { hash: createHash('sha256'), bytes: 0 }
    const stop = () => source.destroy()
    cut.addEventListener('abort', stop)
    if (cut.aborted) stop()
    let at = offset
    try {
      for await (const chunk of intact(source)) {
        if (at + chunk.length > upload.sizeBytes) {
          throw new AppError('body_too_large', { limit: `the rest of the file, which has ${upload.sizeBytes} bytes` })
        }
        await writeAll(file, chunk, at)
        if (known.bytes === at) {
          known.hash.update(chunk)
          known.bytes += chunk.length
        }
        at += chunk.length
      }
      if (cut.aborted) throw brokeOff()
      return at
    } finally {
      cut.removeEventListener('abort', stop)
      // A disk that fills up takes a part of a chunk: what is left of it is not known to be good.
      await file.truncate(at)
      await file.datasync()
      await file.utimes(now() / 1000, now() / 1000)
      if (known.bytes === at) this.#hashes.set(upload.id, known)
      else this.#hashes.delete(upload.id)
    }
  }

  async #hashOf(id: string, file: FileHandle, size: number): Promise<string> {
    const known = this.#hashes.get(id)
    return known?.bytes === size ? known.hash.copy().digest('hex') : hashFile(file)
  }

  async #remove(volume: string, id: string): Promise<void> {
    this.#hashes.delete(id)
    await removeTree(join(this.#dir(volume), id))
  }

  /** Runs `work` when nothing else works on the upload; what does is told to break off. */
  async #alone<T>(id: string, work: (cut: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#working.get(id)
    before?.cut.abort()
    const cut = new AbortController()
    const result = (async () => {
      await before?.done
      return work(cut.signal)
    })()
    const mine = { cut, done: result.then(nothing, nothing) }
    this.#working.set(id, mine)
    try {
      return await result
    } finally {
      if (this.#working.get(id) === mine) this.#working.delete(id)
    }
  }
}

const nothing = (): void => {}

/** On a disk that fills up a write takes a part, and only the next one fails. */
async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten
  }
}

const wrongOffset = (upload: Upload, offset: number) => new AppError('wrong_offset', { path: upload.path, offset })

const brokeOff = () => new AppError('invalid', { detail: 'The part broke off while it was sent.' })

async function* intact(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield chunk
  } catch {
    throw brokeOff()
  }
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}
