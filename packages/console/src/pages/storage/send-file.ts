import { calls } from '@nabla/api/calls'
import { ApiError } from '@nabla/api/client'
import type { StorageUpload } from '@nabla/api/storage'
import { client } from '../../api/client.ts'
import { sendBytes } from '../../api/send-bytes.ts'
import { now } from '../../clock.ts'
import { findRemembered, forgetUpload, rememberUpload } from './upload-memory.ts'

/** A file up to this size is sent whole, a larger one in parts of it. */
export const partBytes = 8 * 1024 * 1024
const firstDelayMs = 500
const longestDelayMs = 30_000

export interface SendFileOptions {
  signal: AbortSignal
  onProgress: (sentBytes: number) => void
  /** The connection broke off, or the server is busy: it is tried again at that time, in ms since 1970. */
  onTrouble: (error: ApiError, retryAt: number) => void
}

/**
 * Puts one file into storage. What breaks off is tried again until it arrives; a large file carries on after its last
 * part, also after a reload. Throws `ApiError` for what trying again does not mend.
 */
export async function sendFile(path: string, file: File, options: SendFileOptions): Promise<void> {
  const attempt = file.size <= partBytes ? () => sendWhole(path, file, options) : makeParts(path, file, options)
  for (let tries = 0; ; tries++) {
    let before = -1
    try {
      await attempt((sentBytes) => {
        // What moves on is no longer the same trouble.
        if (before >= 0 && sentBytes > before) tries = 0
        before = sentBytes
      })
      return
    } catch (error) {
      options.signal.throwIfAborted()
      if (!(error instanceof ApiError) || !canPass(error)) throw error
      await assertReadable(file)
      const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** tries)
      options.onTrouble(error, now() + delayMs)
      await wait(delayMs, options.signal)
    }
  }
}

type Attempt = (moved: (sentBytes: number) => void) => Promise<void>

const canPass = ({ status, code }: ApiError): boolean =>
  status === 0 || status === 429 || status === 503 || code === 'busy'

const modifiedAt = (file: File): string => new Date(file.lastModified).toISOString()

async function sendWhole(path: string, file: File, { signal, onProgress }: SendFileOptions): Promise<void> {
  await sendBytes(calls.storage.put, { path, modifiedAt: modifiedAt(file) }, file, { signal, onProgress })
}

function makeParts(path: string, file: File, options: SendFileOptions): Attempt {
  const { signal } = options
  let upload: StorageUpload | undefined
  let finishing = false
  return async (moved) => {
    const known = upload?.id ?? findRemembered(path, file)?.id
    upload = (known === undefined ? undefined : await find(known, signal)) ?? undefined
    // The answer of the last step was lost, and the upload with it: it is in its place.
    if (!upload && finishing && (await isThere(path, file, signal))) return
    upload ??= await client.storage.beginUpload(
      { body: { path, sizeBytes: file.size, modifiedAt: modifiedAt(file) } },
      { signal },
    )
    upload = await sendParts(upload, file, options, moved)
    finishing = true
    await client.storage.finishUpload({ upload: upload.id, body: {} }, { signal })
    forgetUpload(upload.id)
  }
}

async function sendParts(
  begun: StorageUpload,
  file: File,
  { signal, onProgress }: SendFileOptions,
  moved: (sentBytes: number) => void,
): Promise<StorageUpload> {
  let upload = begun
  for (;;) {
    rememberUpload(upload, file)
    const { id, offsetBytes } = upload
    moved(offsetBytes)
    onProgress(offsetBytes)
    if (offsetBytes >= file.size) return upload
    const part = file.slice(offsetBytes, offsetBytes + partBytes)
    const tell = { signal, onProgress: (bytes: number) => onProgress(offsetBytes + Math.min(bytes, part.size)) }
    try {
      upload = await sendBytes<StorageUpload>(
        calls.storage.appendUpload,
        { upload: id, offset: offsetBytes },
        part,
        tell,
      )
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'wrong_offset') throw error
      upload = await client.storage.showUpload({ upload: id }, { signal })
    }
  }
}

async function find(id: string, signal: AbortSignal): Promise<StorageUpload | undefined> {
  try {
    return await client.storage.showUpload({ upload: id }, { signal })
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'not_found') throw error
    forgetUpload(id)
    return undefined
  }
}

async function isThere(path: string, file: File, signal: AbortSignal): Promise<boolean> {
  try {
    const found = await client.storage.checksum({ path }, { signal })
    return found.sizeBytes === file.size && Date.parse(found.modifiedAt) === file.lastModified
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'file_not_found') throw error
    return false
  }
}

/** A file that was changed or taken away since it was chosen breaks off too, and no trying helps. */
async function assertReadable(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer()
  } catch (cause) {
    const hint = 'It changed since you chose it, or is gone. Choose it again.'
    throw new ApiError(0, { code: 'invalid', message: `${file.name} cannot be read.`, hint }, cause)
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(end, ms)
    function end() {
      clearTimeout(timer)
      window.removeEventListener('online', end)
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve()
    }
    window.addEventListener('online', end)
    signal.addEventListener('abort', end)
  })
}
