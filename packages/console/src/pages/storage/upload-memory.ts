import type { StorageUpload } from '@nabla/api/storage'
import { now } from '../../clock.ts'
import { readKept, writeKept } from '../../parts/kept.ts'

/** A large file on its way, as this browser remembers it beyond a reload: all but its bytes. */
export interface RememberedUpload {
  /** Of the upload on the server. */
  id: string
  /** Where it goes to in storage. */
  path: string
  name: string
  sizeBytes: number
  /** When the file was last changed, in ms since 1970. */
  lastModified: number
  sentBytes: number
  /** When it was last heard of, in ms since 1970. */
  at: number
}

const place = 'uploads'
/** The server gives up uploads that nobody has gone on with for a day. */
const keptMs = 24 * 60 * 60 * 1000
const most = 100

/** Uploads that were begun in this browser and have not ended. */
export function rememberedUploads(): RememberedUpload[] {
  return readKept<RememberedUpload[]>(place, []).filter(({ at }) => now() - at < keptMs)
}

/** The one that was begun for this very file and place. */
export function findRemembered(path: string, file: File): RememberedUpload | undefined {
  return rememberedUploads().find((one) => one.path === path && isSameFile(one, file))
}

/** Whether a file is the one that was being sent: its name, size and time are all that a page can tell. */
export function isSameFile(one: Pick<RememberedUpload, 'name' | 'sizeBytes' | 'lastModified'>, file: File): boolean {
  return one.name === file.name && one.sizeBytes === file.size && one.lastModified === file.lastModified
}

export function rememberUpload(upload: StorageUpload, file: File): void {
  const { name, size: sizeBytes, lastModified } = file
  const { id, path, offsetBytes: sentBytes } = upload
  const others = rememberedUploads().filter((one) => one.id !== id)
  writeKept(place, [...others.slice(-(most - 1)), { id, path, name, sizeBytes, lastModified, sentBytes, at: now() }])
}

export function forgetUpload(id: string): void {
  writeKept(
    place,
    rememberedUploads().filter((one) => one.id !== id),
  )
}
