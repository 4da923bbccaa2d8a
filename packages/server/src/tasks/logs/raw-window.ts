import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { limits } from '../../lib/limits.ts'
import { SpareBuffers } from '../../lib/spare-buffers.ts'
import { openPlainFile, readFully } from './raw-file.ts'
import type { IndexRecord } from './record.ts'

/** Small records are read together, this much at a time. */
const windowBytes = 64 * 1024

/** For records larger than that. */
const spares = new SpareBuffers(limits.logBlockBytes, limits.logSpareBuffers)

/** Raw files one reader keeps open: two parts that write side by side. */
const openFiles = 6

interface Window {
  handle: FileHandle
  buffer: Buffer
  start: number
  end: number
}

/** Reads what index records point to. Holds nothing once it is closed. */
export class RawWindow {
  readonly #logDir: string
  readonly #windows = new Map<string, Window>()

  constructor(logDir: string) {
    this.#logDir = logDir
  }

  /**
   * The bytes of a record, good until the next call; null when they are no longer what was numbered, because the task
   * shortened or changed the file.
   */
  async bytes(record: IndexRecord): Promise<Buffer | null> {
    const window = await this.#window(record)
    if (!window) return null
    const held = record.offset >= window.start && record.offset + record.length <= window.end
    if (!held) await this.#fill(window, record)
    const bytes = slice(window, record)
    if (bytes) return bytes
    if (!held) return null
    // The window may be older than the file.
    await this.#fill(window, record)
    return slice(window, record)
  }

  /** Lets go of large buffers, which others use then: a reader that is slow to ask for more holds only what it was given. */
  trim(): void {
    for (const window of this.#windows.values()) if (window.buffer.length > windowBytes) drop(window)
  }

  async close(): Promise<void> {
    const windows = [...this.#windows.values()]
    this.#windows.clear()
    for (const window of windows) {
      drop(window)
      await window.handle.close()
    }
  }

  async #window(record: IndexRecord): Promise<Window | null> {
    const name = `${record.part}/${record.source}`
    const known = this.#windows.get(name)
    if (known) return known
    const handle = await openPlainFile(join(this.#logDir, 'parts', name), constants.O_RDONLY)
    if (!handle) return null
    for (const [other, window] of this.#windows) {
      if (this.#windows.size < openFiles) break
      this.#windows.delete(other)
      drop(window)
      await window.handle.close()
    }
    const window = { handle, buffer: Buffer.alloc(0), start: 0, end: 0 }
    this.#windows.set(name, window)
    return window
  }

  async #fill(window: Window, record: IndexRecord): Promise<void> {
    const length = Math.max(record.length, windowBytes)
    if (window.buffer.length < length) {
      drop(window)
      window.buffer = length > windowBytes ? spares.take(length) : Buffer.allocUnsafeSlow(length)
    }
    window.start = record.offset
    window.end = record.offset
    window.end += await readFully(window.handle, window.buffer, length, record.offset)
  }
}

function slice(window: Window, record: IndexRecord): Buffer | null {
  if (record.offset + record.length > window.end) return null
  const from = record.offset - window.start
  const bytes = window.buffer.subarray(from, from + record.length)
  return crc32(bytes) === record.contentCheck ? bytes : null
}

function drop(window: Window): void {
  spares.give(window.buffer)
  window.buffer = Buffer.alloc(0)
  window.start = 0
  window.end = 0
}
