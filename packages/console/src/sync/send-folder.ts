import { chunkLength, chunkSizes } from '@nabla/api/chunker'
import { ApiError } from '@nabla/api/client'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { encodeRoot, encodeSegments, type FileChunk, type TreeEntry } from '@nabla/api/tree-format'
import type { Tree } from '@nabla/api/tree'
import { client } from '../api/client.ts'
import { type Hash, makeHash } from './hash.ts'
import { persist } from './persist.ts'
import type { Scan } from './scan.ts'
import { type Chunk, type ChunkCalls, chunkSender } from './send-chunks.ts'

/** How far a folder has come. */
export interface SendProgress {
  /** Bytes of files that were read, of `totalBytes`. */
  readBytes: number
  totalBytes: number
  /** Bytes that had to travel. */
  sentBytes: number
  /** The server does not answer, and is tried again. */
  away: boolean
}

/** Times that all is read again because the server lost what it was sent. */
const mostAttempts = 3
/** Read of a file at a time. */
const readBytes = 8 * 1024 * 1024

/**
 * Brings a folder to the server by content: only what it lacks travels. A connection that drops is taken up again.
 * Answers with the tree. Throws ApiError, what `signal` was aborted with, or an Error that says which file cannot be
 * read.
 */
export async function sendFolder(
  scan: Scan,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: SendProgress) => void },
): Promise<Tree> {
  const progress = { readBytes: 0, totalBytes: scan.sizeBytes, sentBytes: 0, away: false }
  const change = (next: Partial<SendProgress>) => onProgress({ ...Object.assign(progress, next) })
  const options = { signal, onAway: (away: boolean) => change({ away }) }
  const calls: ChunkCalls = {
    lacking: (body) => persist(() => client.tree.lacking({ body }, { signal }), options),
    send: (parcel) => persist(() => client.tree.send({ body: parcel }, { signal }), options),
  }
  const hash = await makeHash()
  for (let attempt = 1; ; attempt++) {
    change({ readBytes: 0 })
    const sender = chunkSender(calls, (bytes) => change({ sentBytes: progress.sentBytes + bytes }))
    const entries = await readEntries(scan, hash, sender.offer, (bytes) =>
      change({ readBytes: progress.readBytes + bytes }),
    )
    await sender.flush()
    const digest = await sendTree(entries, { hash, calls, sender })
    try {
      return await persist(() => client.tree.commit({ body: { digest } }, { signal }), options)
    } catch (error) {
      const isIncomplete = error instanceof ApiError && error.code === 'tree_incomplete'
      if (!isIncomplete || attempt === mostAttempts) throw error
    }
  }
}

/** Reads all files, hands their chunks on, and says what they are made of. */
async function readEntries(
  { entries }: Scan,
  hash: Hash,
  offer: (chunk: Chunk) => Promise<void>,
  onRead: (bytes: number) => void,
): Promise<TreeEntry[]> {
  const read: TreeEntry[] = []
  for (const entry of entries) {
    if (entry.type === 'folder') {
      read.push(entry)
      continue
    }
    const { path, file } = entry
    const chunks: FileChunk[] = []
    let executable = false
    for await (const bytes of chunksOf(file, path)) {
      if (chunks.length === 0) executable = looksExecutable(bytes)
      const name = await hash(bytes)
      chunks.push([name, bytes.byteLength])
      await offer({ hash: name, bytes })
      onRead(bytes.byteLength)
    }
    read.push({ type: 'file', path, executable, chunks })
  }
  return read
}

/** Cuts a file by its content. Each part is a copy, so that it does not hold on to what it was cut from. */
async function* chunksOf(file: File, path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let start = 0
  let bytes = new Uint8Array(0)
  let used = 0
  while (start < file.size || used < bytes.byteLength) {
    if (bytes.byteLength - used < chunkSizes.maxBytes && start < file.size) {
      const more = await readPart(file, path, start, Math.min(file.size, start + readBytes))
      start += more.byteLength
      const joined = new Uint8Array(bytes.byteLength - used + more.byteLength)
      joined.set(bytes.subarray(used))
      joined.set(more, bytes.byteLength - used)
      bytes = joined
      used = 0
    }
    const length = chunkLength(bytes, used)
    yield bytes.slice(used, used + length)
    used += length
  }
}

async function readPart(file: File, path: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.slice(start, end).arrayBuffer())
  } catch (error) {
    throw new ApiError(
      0,
      {
        code: 'file_changed',
        message: `The file ${path} cannot be read, or changed since the folder was chosen.`,
        hint: 'Choose the folder again.',
      },
      error,
    )
  }
}

/** Browsers do not say which files may be run: scripts say `#!`, programs of Linux ELF. */
function looksExecutable(bytes: Uint8Array): boolean {
  const [one, two, three, four] = bytes
  return (one === 0x23 && two === 0x21) || (one === 0x7f && two === 0x45 && three === 0x4c && four === 0x46)
}

/** Sends what the server lacks of the tree itself, root included. Answers with its digest. */
async function sendTree(
  entries: readonly TreeEntry[],
  given: { hash: Hash; calls: ChunkCalls; sender: ReturnType<typeof chunkSender> },
): Promise<string> {
  const { hash, calls, sender } = given
  const segments: Chunk[] = []
  for (const bytes of encodeSegments(entries)) segments.push({ hash: await hash(bytes), bytes })
  for (let start = 0; start < segments.length; start += treeRequestLimits.hashes) {
    const some = segments.slice(start, start + treeRequestLimits.hashes)
    const lacking = new Set((await calls.lacking({ segments: some.map((segment) => segment.hash) })).segments)
    for (const segment of some) if (lacking.has(segment.hash)) await sender.send(segment)
  }
  const files = entries.filter((entry) => entry.type === 'file')
  const sizeBytes = files.reduce((sum, { chunks }) => sum + chunks.reduce((bytes, [, size]) => bytes + size, 0), 0)
  const named = segments.map((segment): [string, number] => [segment.hash, segment.bytes.byteLength])
  const root = encodeRoot({ version: 1, files: files.length, sizeBytes, segments: named })
  const digest = await hash(root)
  await sender.send({ hash: digest, bytes: root })
  await sender.flush()
  return digest
}
