import { createHash } from 'node:crypto'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Duplex, pipeline, Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'

import { AppError } from '../lib/app-error.ts'
import { errorCode, fileError, isMissing } from '../lib/file-error.ts'
import { ByteReader } from './byte-reader.ts'
import { flushTree } from './flush-tree.ts'
import { type ArchiveBounds, makeMeter, type Meter } from './meter.ts'
import { removeTree } from './remove-tree.ts'
import { inStaging, moveToTrash, syncFolder } from './staging.ts'
import { blockSize, looksLikeTar, type Member, readTar } from './tar-reader.ts'
import { makeTreeBuilder, type TreeSummary } from './tree-builder.ts'
import { readZip } from './zip-reader.ts'

export interface UnpackOptions {
  signal: AbortSignal
  /** SHA-256 (hex) of the bytes as they are sent. */
  expectedSha256?: string
  /** Bounds that differ from the usual ones. */
  bounds?: Partial<ArchiveBounds>
  /** Takes the place of what is in the target. */
  replace?: boolean
  /** The target need not survive a power cut. */
  passing?: boolean
}

/**
 * Unpacks an archive (zip, tar, tar.gz or tar.zst, told by its first bytes) that nobody vouches for. `targetDir` must
 * not be there, or be an empty folder; it appears complete or not at all. When this fails, the rest of the source is
 * left unread for the caller to deal with; when the signal aborts, the source is destroyed. Throws `bad_archive`,
 * `archive_too_large`, `body_too_large`, `checksum_mismatch`, `disk_full`, `conflict`.
 */
export async function unpack(source: Readable, targetDir: string, options: UnpackOptions): Promise<TreeSummary> {
  options.signal.throwIfAborted()
  const onAbort = () => source.destroy()
  options.signal.addEventListener('abort', onAbort)
  // A source may fail before it is read, and then nobody would be listening.
  source.on('error', () => {})
  try {
    return await inStaging(targetDir, async (staging) => {
      const summary = await unpackInto(source, staging, options)
      options.signal.throwIfAborted()
      if (!options.passing) await flushTree(join(staging, 'tree'))
      if (options.replace) await removeOld(targetDir)
      await rename(join(staging, 'tree'), targetDir)
      await syncFolder(dirname(targetDir))
      return summary
    })
  } catch (error) {
    throw unpackError(error, targetDir)
  } finally {
    options.signal.removeEventListener('abort', onAbort)
  }
}

async function removeOld(dir: string): Promise<void> {
  try {
    await removeTree(await moveToTrash(dir, dir))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

async function unpackInto(source: Readable, staging: string, options: UnpackOptions): Promise<TreeSummary> {
  const meter = makeMeter(options.bounds)
  const hash = createHash('sha256')
  const reader = new ByteReader(sentBytes(source, meter, (chunk) => hash.update(chunk), options.signal))
  const tree = join(staging, 'tree')
  await mkdir(tree, 0o755)
  const builder = makeTreeBuilder(tree, meter)
  try {
    for await (const member of await membersOf(reader, staging, meter)) {
      options.signal.throwIfAborted()
      await builder.add(member)
    }
    for await (const chunk of reader.chunks()) void chunk
    const actual = hash.digest('hex')
    if (options.expectedSha256 !== undefined && options.expectedSha256 !== actual) {
      throw new AppError('checksum_mismatch', { expected: options.expectedSha256, actual })
    }
    return await builder.finish()
  } finally {
    await builder.idle()
  }
}

const bad = (reason: string) => new AppError('bad_archive', { reason })

async function* sentBytes(source: Readable, meter: Meter, see: (chunk: Buffer) => void, signal: AbortSignal) {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      meter.addSent(chunk.length)
      see(chunk)
      yield chunk
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) throw error
    throw bad('it broke off while it was sent')
  }
}

/** First bytes, and what has them. */
const notUnpacked = [
  ['fd377a58', 'packed with xz'],
  ['425a68', 'packed with bzip2'],
  ['377abcaf', 'a 7z archive'],
  ['52617221', 'a rar archive'],
] as const

async function membersOf(reader: ByteReader, staging: string, meter: Meter): Promise<AsyncIterable<Member>> {
  const head = await reader.peek(blockSize)
  const magic = head.toString('hex', 0, 4)
  if (magic === '504b0304' || magic === '504b0506') {
    const file = join(staging, 'archive.zip')
    await save(reader, file)
    return readZip(file, meter)
  }
  if (magic.startsWith('1f8b')) return readPacked(reader, createGunzip(), meter)
  if (magic === '28b52ffd') return readPacked(reader, createZstdDecompress(), meter)
  if (looksLikeTar(head)) return readTar(new ByteReader(counted(reader.chunks(), meter)))
  const other = notUnpacked.find(([beginning]) => magic.startsWith(beginning))
  if (other) throw bad(`it is ${other[1]}, which is not unpacked here: send zip, tar, tar.gz or tar.zst`)
  throw bad(head.length === 0 ? 'it is empty' : 'it is neither zip nor tar')
}

async function save(reader: ByteReader, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of reader.chunks()) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

/** What comes out of the decompressor is counted there: padding and headers inflate as well as content does. */
async function* readPacked(reader: ByteReader, inflate: Duplex, meter: Meter): AsyncGenerator<Member> {
  const inflated = pipeline(Readable.from(reader.chunks()), inflate, () => {
    // A failure also ends the reading below, where it is reported.
  })
  try {
    yield* readTar(new ByteReader(counted(inflated, meter)))
  } finally {
    inflated.destroy()
  }
}

async function* counted(stream: AsyncIterable<Buffer>, meter: Meter): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    meter.addUnpacked(chunk.length)
    yield chunk
  }
}

function unpackError(error: unknown, targetDir: string): unknown {
  const code = errorCode(error) ?? ''
  if (error instanceof AppError) return error
  if (code === 'Z_BUF_ERROR') return bad('it ends too early')
  if (code.startsWith('Z_') || code.startsWith('ZSTD_')) return bad('its compressed data is damaged')
  if (code === 'ENAMETOOLONG') return bad('a path in it is too long for the disk of the server')
  if (code === 'ENOTEMPTY' || code === 'EEXIST')
    return new AppError('conflict', { detail: `${targetDir} is not empty.` })
  return code === 'ENOSPC' || code === 'EDQUOT' ? fileError(error, targetDir) : error
}
