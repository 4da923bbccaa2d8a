import { closeSync, constants, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** One thing to make in a folder. `start` and `length` say which of the bytes that come along; `more` bytes may follow. */
export type WriteStep =
  | readonly ['folder', path: string]
  | readonly ['file', path: string, executable: boolean, start: number, length: number, more: boolean]
  | readonly ['link', path: string, target: string]

export interface WriteBatch {
  steps: WriteStep[]
  bytes: Uint8Array
}

/** What the thread answers to a batch: its memory, for a later one, and what went wrong. */
export interface WriteAnswer {
  memory: ArrayBuffer
  failed: { code: string; message: string } | null
}

/** A file that is not complete yet. */
export interface OpenEnd {
  file: number | undefined
}

const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * Makes folders, files and links below `root`, in which nobody else writes. Nothing is written through a link as long as
 * links come last. Synchronous: a call for each file that waits for a thread takes longer than to make it.
 */
export function writeSteps(root: string, { steps, bytes }: WriteBatch, end: OpenEnd): void {
  for (const step of steps) {
    const path = `${root}/${step[1]}`
    switch (step[0]) {
      case 'folder':
        inFolder(path, () => mkdirSync(path, 0o755))
        break
      case 'link':
        inFolder(path, () => symlinkSync(step[2], path))
        break
      case 'file':
        end.file ??= inFolder(path, () => openSync(path, flags, step[2] ? 0o755 : 0o644))
        writeAll(end.file, bytes, step[3], step[4])
        if (!step[5]) closeEnd(end)
    }
  }
}

/** Closes the file that is not complete, if there is one. */
export function closeEnd(end: OpenEnd): void {
  if (end.file !== undefined) closeSync(end.file)
  end.file = undefined
}

/** A folder may have no entry of its own. */
function inFolder<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  return make()
}

function writeAll(file: number, bytes: Uint8Array, start: number, length: number): void {
  for (let done = 0; done < length;) done += writeSync(file, bytes, start + done, length - done)
}
