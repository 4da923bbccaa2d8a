import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { Header, type HeaderData, Pax } from 'tar'
import { systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import { type Entry, unreadable } from './scan.ts'

const blockBytes = 512

/** What happened to files while they were read. */
export interface PackReport {
  /** Shorter or longer than when it was begun: sent as it was then, and filled up with zeros. */
  changed: string[]
  /** Gone since it was found. */
  gone: string[]
}

/**
 * A tar archive (POSIX.1-2001, pax) of the entries, in chunks. Memory stays at a chunk whatever the sizes are. It is
 * written here and not by `tar.create`, which fails as a whole when one file shrinks under its hands, as logs do.
 * Throws CliError for a file that cannot be read.
 */
export function* packTar(root: string, entries: Iterable<Entry>, report: PackReport): Generator<Uint8Array> {
  const chunk = new ChunkWriter()
  for (const entry of entries) {
    if (entry.type === 'file') {
      yield* packFile(root, entry.path, chunk, report)
      continue
    }
    const { path } = entry
    const head =
      entry.type === 'folder'
        ? encodeHead({ path: `${path}/`, mode: 0o755, size: 0, type: 'Directory' })
        : encodeHead({ path, linkpath: entry.target, mode: 0o777, size: 0, type: 'SymbolicLink' })
    yield* chunk.write(head)
  }
  // The end of an archive is two blocks of zeros.
  yield* chunk.zeros(2 * blockBytes)
  yield* chunk.flush()
}

function* packFile(root: string, path: string, chunk: ChunkWriter, report: PackReport): Generator<Uint8Array> {
  const file = openFile(root, path)
  if (!file) {
    report.gone.push(path)
    return
  }
  try {
    const { size, mode, mtime } = file.stats
    yield* chunk.write(encodeHead({ path, size, mode: mode & 0o777, mtime, type: 'File' }))
    let left = size
    while (left > 0) {
      const room = chunk.room()
      const read = readSync(file.fd, room, 0, Math.min(left, room.byteLength), null)
      if (read === 0) break
      left -= read
      yield* chunk.advance(read)
    }
    if (left > 0 || fstatSync(file.fd).size !== size) report.changed.push(path)
    yield* chunk.zeros(left + ((blockBytes - (size % blockBytes)) % blockBytes))
  } catch (error) {
    throw systemCode(error) ? unreadable(path, error) : error
  } finally {
    closeSync(file.fd)
  }
}

/** Undefined: it is no longer there, or no longer a file. */
function openFile(root: string, path: string): { fd: number; stats: Stats } | undefined {
  try {
    const fd = openSync(join(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const stats = fstatSync(fd)
    if (stats.isFile()) return { fd, stats }
    closeSync(fd)
    return undefined
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(path, error)
  }
}

/** The header block, after an extended one for what it has no room for: long names, sizes of 8 GiB and more. */
function encodeHead(data: HeaderData & { path: string }): Uint8Array {
  const header = new Header({ ...data, uid: 0, gid: 0 })
  const block = Buffer.alloc(blockBytes)
  if (!header.encode(block)) return block
  return Buffer.concat([new Pax(data).encode(), block])
}

/** Collects what is written into chunks of one size; many small files make few chunks. */
class ChunkWriter {
  #buffer = Buffer.allocUnsafe(limits.readBytes)
  #used = 0

  /** The rest of the present chunk, to read into; `advance` says how much was. */
  room(): Buffer {
    return this.#buffer.subarray(this.#used)
  }

  *advance(bytes: number): Generator<Uint8Array> {
    this.#used += bytes
    if (this.#used === this.#buffer.byteLength) yield* this.flush()
  }

  *write(data: Uint8Array): Generator<Uint8Array> {
    for (let done = 0; done < data.byteLength;) {
      const room = this.room()
      const part = data.subarray(done, done + room.byteLength)
      room.set(part)
      done += part.byteLength
      yield* this.advance(part.byteLength)
    }
  }

  *zeros(bytes: number): Generator<Uint8Array> {
    for (let left = bytes; left > 0;) {
      const room = this.room().subarray(0, left)
      room.fill(0)
      left -= room.byteLength
      yield* this.advance(room.byteLength)
    }
  }

  *flush(): Generator<Uint8Array> {
    if (this.#used === 0) return
    yield this.#buffer.subarray(0, this.#used)
    this.#buffer = Buffer.allocUnsafe(limits.readBytes)
    this.#used = 0
  }
}
