import { isUtf8 } from 'node:buffer'
import { crc32 } from 'node:zlib'

import { type Entry, getFileNameLowLevel, openPromise, validateFileName, type ZipFile } from 'yauzl'

import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import type { Meter } from './meter.ts'
import type { Member } from './tar-reader.ts'

/**
 * Goes through a zip archive by its central directory, as PKWARE's APPNOTE 4.3.6 asks for; permissions and links are
 * those of Info-ZIP for Unix (4.4.2, 4.4.15). Throws `bad_archive` where it is damaged or holds what cannot be unpacked.
 */
export async function* readZip(file: string, meter: Meter): AsyncGenerator<Member> {
  const zip = await openPromise(file, { autoClose: false, decodeStrings: false }).catch((error: unknown) => {
    throw zipError(error)
  })
  try {
    meter.expectEntries(zip.entryCount)
    const entries = zip.eachEntry()
    for (;;) {
      const next = await entries.next().catch((error: unknown) => {
        throw zipError(error)
      })
      if (next.done) return
      yield memberOf(zip, next.value, meter)
    }
  } finally {
    zip.close()
  }
}

const bad = (reason: string) => new AppError('bad_archive', { reason })

/** Systems whose archives carry Unix permissions: Unix and macOS. */
const unixSystems = new Set([3, 19])

function memberOf(zip: ZipFile, entry: Entry, meter: Meter): Member {
  const name = nameOf(entry)
  const path = Buffer.from(name)
  if (entry.isEncrypted()) throw bad('it is encrypted')
  const mode = unixSystems.has(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0
  const executable = (mode & 0o111) !== 0
  const content = contentOf(zip, entry, name, meter)
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

/** Checks what it reads against the size (yauzl does) and the CRC-32 of the entry. */
async function* contentOf(zip: ZipFile, entry: Entry, name: string, meter: Meter): AsyncGenerator<Buffer> {
  let sum = 0
  try {
    const stream = await zip.openReadStreamPromise(entry)
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      meter.addUnpacked(chunk.length)
      sum = crc32(chunk, sum)
      yield chunk
    }
  } catch (error) {
    throw zipError(error)
  }
  if (sum !== entry.crc32) throw bad(`${JSON.stringify(name)} is damaged`)
}

/** Errors of yauzl are plain ones; those of the disk and of zlib have a code. */
function zipError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error
  const code = errorCode(error)
  if (code !== undefined && !code.startsWith('Z_')) return error
  return bad(error.message.slice(0, 300))
}
