import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, rename, rm, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ApiError } from '@nabla/api/client'
import { CliError, isApiError, systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import { saysBytes, sha256Of, tagOf } from './file-tag.ts'
import type { Place } from './places.ts'
import type { Retry } from './retry.ts'
import type { Item } from './select.ts'

export interface Fetching {
  place: Place
  retry: Retry
  /** Hears of bytes that are here now, also of those that an earlier call left. */
  onBytes(bytes: number): void
}

/**
 * Fetches one file to `target`: to a hidden file beside it first, in parts and several at a time, each asked for only
 * of the very same file; then it is checked against its SHA-256, gets its time, and takes its place in one step. What
 * was fetched is written down, so that a call that was cut is gone on with by the next one. A file that keeps changing
 * is fetched in one piece, as it is then.
 */
export async function fetchFile(fetching: Fetching, item: Item, target: string): Promise<number> {
  const draft = join(dirname(target), `.${basename(target)}.nabla-part`)
  try {
    await mkdir(dirname(target), { recursive: true })
    for (let attempt = 1; attempt < limits.changedAttempts; attempt++) {
      const sizeBytes = await fetchParts(fetching, item, draft)
      if (sizeBytes === undefined) continue
      await settle(draft, target, item)
      return sizeBytes
    }
    const sizeBytes = await fetchWhole(fetching, item, draft)
    await settle(draft, target, item)
    return sizeBytes
  } catch (error) {
    if (!systemCode(error) || error instanceof CliError || isApiError(error)) throw error
    throw new CliError(
      `${target} cannot be written (${systemCode(error)}).`,
      'Free some space there, or choose another place.',
      'failure',
      error,
    )
  }
}

async function settle(draft: string, target: string, { modifiedMs }: Item): Promise<void> {
  await utimes(draft, modifiedMs / 1000, modifiedMs / 1000)
  await rename(draft, target)
  await rm(journalOf(draft), { force: true })
}

const journalOf = (draft: string): string => `${draft}s`

/** What is known of a download: which file it is of, and which of its parts are here. */
interface Journal {
  etag: string
  sizeBytes: number
  done: Set<number>
  file: FileHandle
}

/** Undefined: the file has changed meanwhile, and nothing is left of what was fetched. */
async function fetchParts(fetching: Fetching, item: Item, draft: string): Promise<number | undefined> {
  if (item.sizeBytes <= limits.rangeBytes) return fetchSmall(fetching, item, draft)
  const { place, retry, onBytes } = fetching
  const { etag, sizeBytes } = await retry(() => identify(place, item))
  await using journal = await openJournal(draft, etag, sizeBytes)
  await using file = await open(draft, journal.done.size > 0 ? 'r+' : 'w+')
  const parts = Array.from({ length: Math.ceil(sizeBytes / limits.rangeBytes) }, (_, index) => index)
  const lengthOf = (part: number) => Math.min(limits.rangeBytes, sizeBytes - part * limits.rangeBytes)
  for (const part of journal.done) onBytes(lengthOf(part))
  const queue = parts.filter((part) => !journal.done.has(part)).values()
  try {
    const workers = Array.from({ length: limits.parallelRanges }, async () => {
      for (const part of queue) {
        const range = { start: part * limits.rangeBytes, length: lengthOf(part) }
        await retry(() => fetchRange(fetching, item.from, { ...range, etag, file }))
        await journal.file.write(`${part}\n`)
      }
    })
    await Promise.all(workers)
    if (!(await isWhole(fetching, item, etag, file))) throw changed()
    return sizeBytes
  } catch (error) {
    if (!isChanged(error)) throw error
    await forget(fetching, draft, sizeBytes)
    return undefined
  }
}

/** Takes back what was reported, roughly: the bar goes on from what is really here. */
async function forget({ onBytes }: Fetching, draft: string, sizeBytes: number): Promise<void> {
  await rm(draft, { force: true })
  await rm(journalOf(draft), { force: true })
  onBytes(-sizeBytes)
}

/** Tag and size of the file as it is now, by asking for its first byte. */
async function identify(place: Place, item: Item): Promise<{ etag: string; sizeBytes: number }> {
  const response = await place.get(item.from, { range: 'bytes=0-0' })
  await response.body?.cancel()
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  return { etag: response.headers.get('etag') ?? '', sizeBytes: Number(total ?? item.sizeBytes) }
}

type OpenJournal = Journal & AsyncDisposable

async function openJournal(draft: string, etag: string, sizeBytes: number): Promise<OpenJournal> {
  const path = journalOf(draft)
  const head = JSON.stringify({ etag, sizeBytes, rangeBytes: limits.rangeBytes })
  const [first, ...lines] = (await readFile(path, 'utf8').catch(() => '')).split('\n')
  const isSame = first === head
  const file = await open(path, isSame ? 'a' : 'w')
  if (!isSame) await file.write(`${head}\n`)
  // The last line is empty, or was cut when the program was killed.
  const done = new Set(isSame ? lines.slice(0, -1).map(Number) : [])
  return { etag, sizeBytes, done, file, [Symbol.asyncDispose]: () => file.close() }
}

async function fetchRange(
  { place, onBytes }: Fetching,
  path: string,
  { start, length, etag, file }: { start: number; length: number; etag: string; file: FileHandle },
): Promise<void> {
  const range = `bytes=${start}-${start + length - 1}`
  const response = await place.get(path, { range, 'if-match': etag })
  let at = start
  try {
    for await (const chunk of bytesOf(response)) {
      // On a disk that fills up a write takes a part, and only the next one fails.
      for (let done = 0; done < chunk.byteLength;) {
        done += (await file.write(chunk, done, chunk.byteLength - done, at + done)).bytesWritten
      }
      at += chunk.byteLength
      onBytes(chunk.byteLength)
    }
    if (at !== start + length) throw brokeOff(undefined)
  } catch (error) {
    onBytes(start - at)
    throw error
  }
}

/** In one request, with its checksum. Undefined: it has changed while it was on its way. */
async function fetchSmall(fetching: Fetching, item: Item, draft: string): Promise<number | undefined> {
  return fetchWhole(fetching, item, draft).catch((error: unknown) => {
    if (isChanged(error)) return undefined
    throw error
  })
}

async function fetchWhole({ place, retry, onBytes }: Fetching, item: Item, draft: string): Promise<number> {
  return retry(async () => {
    const response = await place.get(item.from, { 'want-repr-digest': 'sha-256=10' })
    const hash = createHash('sha256')
    let sizeBytes = 0
    await using file = await open(draft, 'w')
    try {
      for await (const chunk of bytesOf(response)) {
        await file.writeFile(chunk)
        hash.update(chunk)
        sizeBytes += chunk.byteLength
        onBytes(chunk.byteLength)
      }
      const expected = Number(response.headers.get('content-length') ?? sizeBytes)
      if (sizeBytes !== expected) throw brokeOff(undefined)
      // RFC 9530: `sha-256=:<base64>:`
      const digest = /sha-256=:([^:]+):/.exec(response.headers.get('repr-digest') ?? '')?.[1]
      if (digest !== undefined && digest !== hash.digest('base64')) throw changed()
    } catch (error) {
      onBytes(-sizeBytes)
      throw error
    }
    return sizeBytes
  })
}

/** The bytes of an answer; a connection that breaks off is an error like that of a server that does not answer. */
async function* bytesOf(response: Response): AsyncGenerator<Uint8Array> {
  const chunks = (response.body ?? new Blob([]).stream())[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw brokeOff(error)
    })
    if (next.done) return
    yield next.value
  }
}

/** A connection that ended too early, as an error after which one may try again. */
export function brokeOff(cause: unknown): ApiError {
  const hint = 'Run the command again: it goes on where it was.'
  return new ApiError(0, { code: 'unreachable', message: 'The connection broke off.', hint }, cause)
}

const changedCode = 'file_changed'

function changed(): ApiError {
  return new ApiError(412, { code: changedCode, message: 'The file has changed.', hint: 'Run the command again.' })
}

const isChanged = (error: unknown): boolean =>
  isApiError(error) && [changedCode, 'conflict', 'bad_range'].includes(error.code)

/** Whether the bytes are those that were asked for. The server reads all of the file again only if its tag does not say it. */
async function isWhole({ place, retry }: Fetching, { from }: Item, etag: string, file: FileHandle): Promise<boolean> {
  if (saysBytes(etag) && (await tagOf(file)) === etag) return true
  const { sha256 } = await retry(() => checksum(place, from, etag))
  return sha256 === (await sha256Of(file))
}

async function checksum(place: Place, path: string, etag: string): Promise<{ sha256: string }> {
  const found = await place.checksum(path)
  if (found.etag !== etag) throw changed()
  return found
}
