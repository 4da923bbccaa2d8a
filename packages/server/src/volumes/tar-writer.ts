import { isUtf8 } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, readlink } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'

import { Header, Pax } from 'tar'

import { openBeneath, openFileAt, parseRelativePath, pinBeneath, withParent } from '../lib/safe-path.ts'
import { blockSize } from './tar-reader.ts'
import { entryPath, pathText, walk } from './walk.ts'

export interface PackOptions {
  /** Files, links and whole folders; everything if left out. One that is not there fails the stream at its start. */
  paths?: string[]
  /** Only files whose path matches; see `makeMatcher`. */
  matches?: (path: string) => boolean
  gzip?: boolean
  signal?: AbortSignal
}

/**
 * A tar archive (pax) of a folder that tasks may be writing to. Each file is as long as it was when its turn came: what
 * grows is cut off, what shrinks is filled up with zeros, what vanishes is left out. Links are packed as links;
 * devices, pipes and sockets are left out; bytes that are no UTF-8 in names become `\xNN`.
 */
export function packTar(root: string, options: PackOptions = {}): Readable {
  const chunks = Readable.from(archive(root, options), { objectMode: false })
  if (!options.gzip) return chunks
  return pipeline(chunks, createGzip({ level: 1 }), () => {
    // A failure destroys the stream that is returned, with the error.
  })
}

/** What tar can say: from 1970 to the largest octal number of eleven digits. */
const latestSeconds = 0o77777777777

const readSize = 256 * 1024

async function* archive(root: string, options: PackOptions): AsyncGenerator<Buffer> {
  for (const path of outermost(options.paths ?? [''])) {
    const found = await pinBeneath(root, path, { followLast: false })
    try {
      yield* member(root, path, found, options)
    } finally {
      await found.close()
    }
  }
  yield Buffer.alloc(2 * blockSize)
}

/** Without what lies in another one of them. */
function outermost(paths: string[]): string[] {
  const sorted = [...new Set(paths.map(parseRelativePath))].sort()
  return sorted.filter(
    (path) => !sorted.some((other) => other !== path && (other === '' || path.startsWith(`${other}/`))),
  )
}

async function* member(root: string, path: string, found: FileHandle, options: PackOptions): AsyncGenerator<Buffer> {
  const stats = await found.stat()
  if (stats.isDirectory()) {
    if (path !== '' && !options.matches) yield* folder(path, stats)
    yield* tree(found, path === '' ? '' : `${path}/`, options)
    return
  }
  if (options.matches && !(stats.isFile() && options.matches(path))) return
  if (stats.isFile()) {
    const file = await openBeneath(root, path, constants.O_RDONLY | constants.O_NOFOLLOW)
    yield* content(path, file, options.signal)
  }
  if (stats.isSymbolicLink()) {
    const target = await withParent(root, path, {}, async (parent, name) => linkTarget(parent.at(name)))
    yield* link(path, stats, target)
  }
}

async function* tree(start: FileHandle, prefix: string, options: PackOptions): AsyncGenerator<Buffer> {
  const { signal, matches } = options
  for await (const entry of walk(start, { recursive: true, ...(signal && { signal }) })) {
    const path = prefix + pathText(entry.path)
    if (matches && !(entry.stats.isFile() && matches(path))) continue
    if (entry.stats.isDirectory()) yield* folder(path, entry.stats)
    if (entry.stats.isSymbolicLink()) yield* link(path, entry.stats, await linkTarget(entryPath(entry)))
    if (!entry.stats.isFile()) continue
    const file = await openFileAt(entryPath(entry))
    if (file) yield* content(path, file, signal)
  }
}

/** As bytes; empty if it is no link any more. */
async function linkTarget(path: string | Buffer): Promise<string> {
  return readlink(path, 'latin1').catch(() => '')
}

function* folder(path: string, stats: Stats): Generator<Buffer> {
  yield header(`${path}/`, stats, { type: 'Directory', mode: 0o755, size: 0 })
}

/** A link that has vanished, or whose target no tar can hold, is left out. */
function* link(path: string, stats: Stats, target: string): Generator<Buffer> {
  const bytes = Buffer.from(target, 'latin1')
  if (target === '' || !isUtf8(bytes) || /\p{Cc}/u.test(bytes.toString('utf8'))) return
  yield header(path, stats, { type: 'SymbolicLink', mode: 0o777, size: 0, linkpath: bytes.toString('utf8') })
}

/** Closes the file. */
async function* content(path: string, file: FileHandle, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    const stats = await file.stat()
    yield header(path, stats, { type: 'File', mode: stats.mode & 0o100 ? 0o755 : 0o644, size: stats.size })
    let left = stats.size
    while (left > 0) {
      signal?.throwIfAborted()
      const chunk = Buffer.alloc(Math.min(left, readSize))
      const { bytesRead } = await file.read(chunk, 0, chunk.length)
      // At the end of a file that has shrunk the zeros are sent.
      const filled = bytesRead === 0 ? chunk : chunk.subarray(0, bytesRead)
      left -= filled.length
      yield filled
    }
    const padding = (blockSize - (stats.size % blockSize)) % blockSize
    if (padding > 0) yield Buffer.alloc(padding)
  } finally {
    await file.close()
  }
}

interface HeaderFields {
  type: 'File' | 'Directory' | 'SymbolicLink'
  mode: number
  size: number
  linkpath?: string
}

function header(path: string, stats: Stats, fields: HeaderFields): Buffer {
  const seconds = Math.min(Math.max(Math.floor(stats.mtimeMs / 1000), 0), latestSeconds)
  const about = { ...fields, path, mtime: new Date(seconds * 1000), uid: 0, gid: 0 }
  const block = new Header(about)
  const needsPax = block.encode()
  const bytes = block.block ?? Buffer.alloc(0)
  return needsPax ? Buffer.concat([new Pax(about).encode(), bytes]) : bytes
}
