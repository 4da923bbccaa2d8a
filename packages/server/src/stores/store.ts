import { randomBytes } from 'node:crypto'
import type { Finding } from '@nabla/api/server'

/**
 * A place for objects: bytes by a key, written whole, never changed by us after that. What is in it, and what keys
 * mean, is for the callers to know.
 */
export interface ObjectStore {
  /** For people: the folder, or endpoint and bucket. */
  readonly place: string
  /**
   * Stores an object, at most `maxObjectBytes`. Once this has resolved, a power cut does not undo it; until then the
   * object is as it was before. One that is there already is replaced, whole: no reader sees a mixture.
   */
  put(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /**
   * Reads an object, or a part of it: into the beginning of `memory` where that is given, holds it and the store can.
   * Throws StoreError `missing`, or `short` when it ends before the range does.
   */
  get(key: string, range?: ByteRange, signal?: AbortSignal, memory?: Buffer): Promise<Buffer>
  /** Objects whose keys begin with `prefix`, in no order. What comes and goes meanwhile may be left out. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<StoredObject>
  /** Removes an object; does nothing if there is none. */
  remove(key: string): Promise<void>
  /** Whether objects can be written and read, for `nabla doctor`. Never throws. */
  check(): Promise<Finding[]>
}

export interface ByteRange {
  start: number
  /** At least 1. */
  length: number
}

export interface StoredObject {
  key: string
  sizeBytes: number
  /** Milliseconds since the epoch, by the clock of the store; some stores keep whole seconds. */
  modifiedAt: number
}

/** Largest object: what can be sent again whole when a connection breaks. */
export const maxObjectBytes = 64 * 1024 * 1024

/** What a caller has to expect of a store that works. That one does not work is an AppError: `store_unavailable`. */
export class StoreError extends Error {
  readonly code: 'missing' | 'short'
  readonly key: string

  constructor(code: 'missing' | 'short', key: string) {
    super(code === 'missing' ? `there is no object ${key}` : `the object ${key} is shorter than it should be`)
    this.name = 'StoreError'
    this.code = code
    this.key = key
  }
}

export const isMissingObject = (error: unknown): boolean => error instanceof StoreError && error.code === 'missing'

/**
 * No key may go on, after a slash, where another ends: some stores keep them as folders and files. Checks a key: parts joined by `/`, each of lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or
 * digit. So it is a safe path on every file system and stands for itself in an address and in XML.
 */
export function checkKey(key: string): void {
  if (!keyForm.test(key) || key.length > maxKeyLength) throw new TypeError(`not a key: ${JSON.stringify(key)}`)
}

/** Checks what a key may begin with. */
export function checkPrefix(prefix: string): void {
  if (!prefixForm.test(prefix)) throw new TypeError(`not the beginning of a key: ${JSON.stringify(prefix)}`)
}

export function checkRange({ start, length }: ByteRange): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 1) {
    throw new TypeError(`not a range: ${start}, ${length}`)
  }
}

export function checkSize(key: string, sizeBytes: number): void {
  if (sizeBytes > maxObjectBytes) throw new TypeError(`too large for one object: ${key}, ${sizeBytes} bytes`)
}

/** For `check`: writes, reads, finds and removes an object. Throws what the store throws. */
export async function tryOut(store: Omit<ObjectStore, 'check'>): Promise<void> {
  const key = `check/${randomBytes(8).toString('hex')}`
  const bytes = randomBytes(32)
  await store.put(key, bytes)
  try {
    const found = await store.get(key)
    if (!found.equals(bytes)) throw new Error('what was read is not what was written')
    const keys: string[] = []
    for await (const object of store.list(key)) keys.push(object.key)
    if (keys.join() !== key) throw new Error('what was written is not listed')
  } finally {
    await store.remove(key)
  }
}

const keyForm = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/
const prefixForm = /^([a-z0-9][a-z0-9._-]*\/)*([a-z0-9][a-z0-9._-]*)?$/
/** Leaves room for a folder, or a prefix, in front: S3 takes 1024. */
const maxKeyLength = 255
