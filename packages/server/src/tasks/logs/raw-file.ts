import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/**
 * Opens a plain file of a log. A link, a pipe or a device in its place is not followed, waited for or read: it counts
 * as no file.
 *
 * @param flags of open(2), without those for safety
 * @returns null when there is no plain file at the path
 */
export async function openPlainFile(path: string, flags: number): Promise<FileHandle | null> {
  let handle: FileHandle
  try {
    handle = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  } catch (error) {
    if (notPlain.has(errorCode(error))) return null
    throw error
  }
  const stat = await handle.stat()
  if (stat.isFile()) return handle
  await handle.close()
  return null
}

/** Reads up to `length` bytes at `position`; fewer only at the end of the file. */
export async function readFully(handle: FileHandle, buffer: Buffer, length: number, position: number): Promise<number> {
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done
}

/** The text of a plain file, up to a bound; empty where there is none. */
export async function readSmall(path: string, mostBytes: number): Promise<string> {
  const handle = await openPlainFile(path, constants.O_RDONLY)
  if (!handle) return ''
  try {
    const buffer = Buffer.alloc(mostBytes)
    return buffer.toString('utf8', 0, await readFully(handle, buffer, mostBytes, 0))
  } finally {
    await handle.close()
  }
}

/** The code of a system error, such as `ENOENT`; empty for anything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** No file, a link (ELOOP), a pipe or socket (ENXIO), a folder (EISDIR), or a file where a folder should be. */
const notPlain = new Set(['ENOENT', 'ELOOP', 'ENXIO', 'EISDIR', 'ENOTDIR'])
