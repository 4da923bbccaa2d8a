import { isUtf8 } from 'node:buffer'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32, inflateRawSync } from 'node:zlib'

import { type Entry, fromFdPromise, getFileNameLowLevel, validateFileName, type ZipFile } from 'yauzl'

import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import type { Meter } from './meter.ts'
import type { Member } from './tar-reader.ts'

/**
 * Goes through a zip archive by its central directory, as PKWARE's APPNOTE 4.3.6 asks for; permissions and links are
 * those of Info-ZIP for Unix (4.4.2, 4.4.15). Throws `bad_archive` where it is damaged or holds what cannot be unpacked.
 */
export async function* readZip(path: string, meter: Meter): AsyncGenerator<Member> {
  const file = await open(path)
  try {
    const zip = await orBad(fromFdPromise(file.fd, { autoClose: false, decodeStrings: false }))
    meter.expectEntries(zip.entryCount)
    const entries = zip.eachEntry()
    for (;;) {
      const next = await orBad(entries.next())
      if (next.done) return
      yield memberOf({ zip, file, meter }, next.value)
    }
  } finally {
    await file.close()
  }
}

interface Source {
  zip: ZipFile
  file: FileHandle
  meter: Meter
}

/** An entry up to this size is read at once: streams of their own take ten times as long for small ones. */
const smallBytes = 64 * 1024

const bad = (reason: string) => new AppError('bad_archive', { reason })

/** Systems whose archives carry Unix permissions: Unix and macOS. */
const unixSystems = new Set([3, 19])

function memberOf(source: Source, entry: Entry): Member {
  const name = nameOf(entry)
  const path = Buffer.from(name)
  if (entry.isEncrypted()) throw bad('it is encrypted')
  const mode = unixSystems.has(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0
  const executable = (mode & 0o111) !== 0
  const content = checkedContent(source, entry, name)
  if (name.endsWith('/')) return { type: 'folder', path, executable, content: nothing() }
  switch (mode & 0o170000) {
    case 0:
    case 0o100000:
      return { type: 'file', path, executable, content }
    case 0o040000:
      return { type: 'folder', path, executable, content: nothing() }
    case 0o120000:
      return { type: 'link', path, executable, content }
    default:
      throw bad(`${JSON.stringify(name)} is a device, pipe or socket`)
  }
}

/**
 * Names are CP437 unless marked otherwise (APPNOTE, appendix D). But Info-ZIP on Linux writes UTF-8 without the mark
 * when its locale is a plain one, and hardly any text in CP437 happens to be valid UTF-8.
 */
function nameOf(entry: Entry): string {
  const raw = entry.fileNameRaw
  const isPlain = raw.every((byte) => byte < 0x80)
  const name =
    !isPlain && isUtf8(raw)
      ? raw.toString('utf8').replaceAll('\\', '/')
      : getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, false)
  const problem = validateFileName(name)
  if (problem !== null) throw bad(problem.slice(0, 300))
  return name
}

async function* nothing(): AsyncGenerator<Buffer> {
  // A folder has no content.
}

/** Checks what is read against the size and the CRC-32 of the entry. */
async function* checkedContent(source: Source, entry: Entry, name: string): AsyncGenerator<Buffer> {
  let sum = 0
  const isSmall = entry.compressedSize <= smallBytes && entry.uncompressedSize <= smallBytes
  for await (const chunk of isSmall ? wholeContent(source, entry) : streamedContent(source, entry)) {
    source.meter.addUnpacked(chunk.length)
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== entry.crc32) throw bad(`${JSON.stringify(name)} is damaged`)
}

async function* streamedContent({ zip }: Source, entry: Entry): AsyncGenerator<Buffer> {
  try {
    yield* (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>
  } catch (error) {
    throw zipError(error)
  }
}

async function* wholeContent({ zip, file }: Source, entry: Entry): AsyncGenerator<Buffer> {
  if (!entry.canDecodeFileData()) throw bad(`it is packed by the unknown method ${entry.compressionMethod}`)
  const { fileDataStart } = await orBad(zip.readLocalFileHeaderPromise(entry, { minimal: true }))
  const packed = Buffer.allocUnsafe(entry.compressedSize)
  const { bytesRead } = await file.read(packed, 0, packed.length, fileDataStart)
  if (bytesRead < packed.length) throw bad('it ends too early')
  const content = entry.compressionMethod === 0 ? packed : inflate(packed, entry.uncompressedSize)
  if (content.length !== entry.uncompressedSize) throw bad('a size in it is not true')
  yield content
}

function inflate(packed: Buffer, size: number): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) })
  } catch (error) {
    throw errorCode(error) === 'ERR_BUFFER_TOO_LARGE' ? bad('a size in it is not true') : zipError(error)
  }
}

async function orBad<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw zipError(error)
  }
}

/** Errors of yauzl are plain ones; those of the disk and of zlib have a code. */
function zipError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error
  const code = errorCode(error)
  if (code !== undefined && !code.startsWith('Z_')) return error
  return bad(error.message.slice(0, 300))
}
