import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { CliError, isApiError, systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import type { Place, Writer } from './places.ts'
import type { Retry } from './retry.ts'
import type { Item } from './select.ts'

export interface Sending {
  place: Place
  writer: Writer
  retry: Retry
  /** Hears of bytes that are there now, also of those that an earlier call left. */
  onBytes(bytes: number): void
}

/**
 * Sends one file to a path of a place, checked against its SHA-256 by the server. A large one goes in parts that the
 * server keeps: a call that was cut is gone on with by the next one that sends the same file to the same place.
 */
export async function sendFile(sending: Sending, item: Item, path: string): Promise<void> {
  await using file = await openLocal(item.from)
  const before = await file.stat()
  const about = {
    path,
    modifiedAt: new Date(item.modifiedMs).toISOString(),
    executable: item.executable,
  }
  if (before.size <= limits.wholeBytes) await sendWhole(sending, file, { ...about, sizeBytes: before.size })
  else await sendParts(sending, file, { ...about, sizeBytes: before.size })
  const after = await file.stat()
  if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
    throw new CliError(`The file ${item.from} changed while it was sent.`, 'Run the command again.')
  }
}

interface About {
  path: string
  sizeBytes: number
  modifiedAt: string
  executable: boolean
}

async function sendWhole({ writer, retry, onBytes }: Sending, file: FileHandle, about: About): Promise<void> {
  const hash = createHash('sha256')
  await addTo(hash, file, 0, about.sizeBytes)
  const sha256 = hash.digest('hex')
  await retry(async () => {
    const body = new Body(file, 0, about.sizeBytes, onBytes)
    const { sizeBytes: contentLength, ...query } = about
    await body.sent(() => writer.put({ ...query, sha256, contentLength, body: body.stream }))
  })
}

async function sendParts({ place, writer, retry, onBytes }: Sending, file: FileHandle, about: About): Promise<void> {
  const { uploads } = writer
  const { sizeBytes } = about
  const { id: upload, offsetBytes } = await retry(() => uploads.beginUpload({ body: about }))
  const hash = createHash('sha256')
  await addTo(hash, file, 0, offsetBytes)
  onBytes(offsetBytes)
  for (let at = offsetBytes; at < sizeBytes;) {
    const end = Math.min(at + limits.uploadPartBytes, sizeBytes)
    const from = at
    at = await retry(async () => {
      const there = (await uploads.showUpload({ upload })).offsetBytes
      if (there < from) throw new CliError(`The server has lost a part of ${about.path}.`, 'Run the command again.')
      if (there >= end) return there
      const body = new Body(file, there, end, onBytes)
      const answer = await body.sent(() =>
        uploads.appendUpload({ upload, offset: there, contentLength: end - there, body: body.stream }),
      )
      return answer.offsetBytes
    })
    await addTo(hash, file, from, at)
  }
  const sha256 = hash.digest('hex')
  try {
    await retry(() => uploads.finishUpload({ upload, body: { sha256 } }))
  } catch (error) {
    // The answer of the call before may have been lost: then the file is in its place.
    if (!isApiError(error) || error.code !== 'not_found') throw error
    const there = await place.checksum(about.path).catch(() => undefined)
    if (there?.sha256 !== sha256) throw error
  }
}

/** A part of a file on its way. What was counted of one that failed is taken back. */
class Body {
  readonly stream: ReadableStream<Uint8Array>
  readonly #onBytes: (bytes: number) => void
  #counted = 0

  constructor(file: FileHandle, start: number, end: number, onBytes: (bytes: number) => void) {
    this.#onBytes = onBytes
    const count = (bytes: number) => {
      this.#counted += bytes
      onBytes(bytes)
    }
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for await (const chunk of readRange(file, start, end)) {
        yield chunk
        count(chunk.byteLength)
      }
    }
    this.stream = ReadableStream.from(chunks())
  }

  async sent<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (error) {
      this.#onBytes(-this.#counted)
      throw error
    }
  }
}

async function addTo(hash: Hash, file: FileHandle, start: number, end: number): Promise<void> {
  for await (const chunk of readRange(file, start, end)) hash.update(chunk)
}

/** Ends early where the file does. */
async function* readRange(file: FileHandle, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end;) {
    const chunk = Buffer.allocUnsafe(Math.min(limits.readBytes, end - at))
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

async function openLocal(path: string): Promise<FileHandle> {
  return open(path).catch((error: unknown) => {
    throw new CliError(`The file ${path} cannot be read (${systemCode(error)}).`, 'Check its mode.', 'failure', error)
  })
}
