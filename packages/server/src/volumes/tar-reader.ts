import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { ByteReader } from './byte-reader.ts'

/**
 * Reads tar archives of all common dialects: v7, ustar, GNU (long names, large sizes) and pax. See POSIX.1-2017, `pax`,
 * "ustar Interchange Format" and "pax Header Block", and GNU's tar manual, "Basic Tar Format".
 * Names are left as bytes and judged by whoever unpacks them.
 */

/** One member of an archive, whatever its format. */
export interface Member {
  type: 'file' | 'folder' | 'link' | 'hardLink'
  /** Not checked in any way. */
  path: Buffer
  executable: boolean
  /** When it was changed, in milliseconds since 1970, where the archive says so. */
  modifiedMs?: number
  /** Of links. */
  target?: Buffer
  /** Content of a file. To be read to its end before the next member is asked for. */
  content: AsyncIterable<Buffer>
}

/** Goes through a tar archive. Throws `bad_archive` where it is damaged or holds what cannot be unpacked. */
export async function* readTar(reader: ByteReader): AsyncGenerator<Member> {
  let extended: Extended = {}
  for (;;) {
    const header = parseHeader(await exactly(reader, blockSize))
    if (!header) break
    if (isMeta(header.type)) {
      extended = { ...extended, ...parseMeta(header.type, await readMeta(reader, header.size)) }
      continue
    }
    const size = bodyTypes.has(header.type) ? (extended.size ?? header.size) : 0
    const body = guarded(reader, size)
    const member = memberOf(header, extended, body)
    extended = {}
    if (member) yield member
    // Reads what was not asked for, and the padding.
    for await (const chunk of body) void chunk
    await exactly(reader, padding(size))
  }
  // What follows the end is not looked at, but it is counted.
  for await (const chunk of reader.chunks()) void chunk
}

/** Whether a block may be the first of a tar archive. */
export function looksLikeTar(block: Buffer): boolean {
  return block.length === blockSize && (block.every((byte) => byte === 0) || hasValidChecksum(block))
}

export const blockSize = 512

interface Header {
  type: string
  path: Buffer
  target: Buffer
  mode: number
  size: number
  modifiedMs: number
}

interface Extended {
  path?: Buffer
  target?: Buffer
  size?: number
  modifiedMs?: number
}

const bad = (reason: string) => new AppError('bad_archive', { reason })

/** `\0` is v7's plain file, 7 a contiguous one, D the table of contents of GNU's incremental backups, V a label. */
const bodyTypes = new Set(['0', '\0', '7', 'D', 'V'])

const refusedTypes: Record<string, string> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a named pipe',
  S: 'a sparse file; pack it without --sparse',
  M: 'a part of a file that is split over several archives',
}

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize
}

async function exactly(reader: ByteReader, length: number): Promise<Buffer> {
  const bytes = await reader.take(length)
  if (bytes.length < length) throw bad('it ends too early')
  return bytes
}

async function* guarded(reader: ByteReader, size: number): AsyncGenerator<Buffer> {
  let left = size
  for await (const chunk of reader.chunks(size)) {
    left -= chunk.length
    yield chunk
  }
  if (left > 0) throw bad('it ends too early')
}

/** Returns undefined at the block of zeros that ends the archive. */
function parseHeader(block: Buffer): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (!hasValidChecksum(block)) throw bad('it is damaged, or not a tar archive')
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? untilZero(block.subarray(345, 500)) : Buffer.alloc(0)
  const name = untilZero(block.subarray(0, 100))
  return {
    type: String.fromCharCode(block[156] ?? 0),
    path: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    target: untilZero(block.subarray(157, 257)),
    mode: parseNumber(block.subarray(100, 108)) ?? 0,
    size: parseSize(block.subarray(124, 136)),
    modifiedMs: 1000 * (parseNumber(block.subarray(136, 148)) ?? 0),
  }
}

/** The sum of all bytes, with the field of the sum itself taken as blanks. */
function hasValidChecksum(block: Buffer): boolean {
  let sum = 8 * 0x20
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte
  return parseNumber(block.subarray(148, 156)) === sum
}

function parseSize(field: Buffer): number {
  const size = parseNumber(field)
  if (size === undefined || !Number.isSafeInteger(size)) throw bad('a size in it is not valid')
  return size
}

/** Octal digits, or GNU's binary form for what does not fit. Undefined if it is neither, or negative. */
function parseNumber(field: Buffer): number | undefined {
  const first = field[0] ?? 0
  if (first === 0x80) {
    let value = 0
    for (const byte of field.subarray(1)) value = value * 256 + byte
    return value
  }
  const digits = untilZero(field).toString('latin1').trim()
  if (digits === '') return 0
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}

function untilZero(field: Buffer): Buffer {
  const end = field.indexOf(0)
  return Buffer.from(end === -1 ? field : field.subarray(0, end))
}

function isMeta(type: string): boolean {
  return ['x', 'X', 'g', 'L', 'N', 'K'].includes(type)
}

async function readMeta(reader: ByteReader, size: number): Promise<Buffer> {
  if (size > limits.archiveHeaderBytes) throw bad('a header in it is too large')
  const bytes = Buffer.from(await exactly(reader, size))
  await exactly(reader, padding(size))
  return bytes
}

function parseMeta(type: string, bytes: Buffer): Extended {
  switch (type) {
    case 'L':
    case 'N':
      return { path: untilZero(bytes) }
    case 'K':
      return { target: untilZero(bytes) }
    default: {
      const extended = parsePax(bytes)
      // Global headers are comments in practice; a name for all members would make no sense.
      return type === 'g' ? {} : extended
    }
  }
}

/** Records of the form `<length> <key>=<value>\n`, the length counting all of the record. */
function parsePax(bytes: Buffer): Extended {
  const extended: Extended = {}
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const blank = bytes.indexOf(0x20, at)
    const length = Number(bytes.toString('latin1', at, blank === -1 ? at : blank))
    const record = bytes.subarray(blank + 1, at + length - 1)
    const equals = record.indexOf(0x3d)
    const whole = Number.isInteger(length) && length > 0 && bytes[at + length - 1] === 0x0a
    if (blank === -1 || equals === -1 || !whole) throw bad('a header in it is damaged')
    const key = record.toString('utf8', 0, equals)
    const value = Buffer.from(record.subarray(equals + 1))
    if (key.startsWith('GNU.sparse.')) throw bad('it holds a sparse file; pack it without --sparse')
    if (key === 'path') extended.path = value
    if (key === 'linkpath') extended.target = value
    if (key === 'mtime' && Number.isFinite(Number(value.toString('latin1')))) {
      extended.modifiedMs = 1000 * Number(value.toString('latin1'))
    }
    if (key === 'size') extended.size = parseDecimal(value)
    at += length
  }
  return extended
}

function parseDecimal(value: Buffer): number {
  const size = Number(value.toString('latin1'))
  if (!/^\d+$/.test(value.toString('latin1')) || !Number.isSafeInteger(size)) throw bad('a size in it is not valid')
  return size
}

/** Undefined for what only describes the archive. */
function memberOf(header: Header, extended: Extended, content: AsyncIterable<Buffer>): Member | undefined {
  const path = extended.path ?? header.path
  const target = extended.target ?? header.target
  const modifiedMs = extended.modifiedMs ?? header.modifiedMs
  const executable = (header.mode & 0o111) !== 0
  switch (header.type) {
    case '0':
    case '\0':
    case '7':
      // In v7 archives a folder is told by its name alone.
      return { type: path.at(-1) === 0x2f ? 'folder' : 'file', path, executable, modifiedMs, content }
    case '1':
      return { type: 'hardLink', path, target, executable, content }
    case '2':
      return { type: 'link', path, target, executable, content }
    case '5':
    case 'D':
      return { type: 'folder', path, executable, content }
    case 'V':
      return undefined
    default:
      throw bad(
        `it holds ${refusedTypes[header.type] ?? `a member of the unknown kind ${JSON.stringify(header.type)}`}`,
      )
  }
}
