import type { ApiError } from '@nabla/api/client'
import { useSyncExternalStore } from 'react'
import { client } from '../../api/client.ts'
import { now } from '../../clock.ts'
import { toApiError } from '../../parts/action.ts'
import { plural } from '../../parts/format.ts'
import { toast } from '../../parts/toast.ts'
import { reread } from './listing.ts'
import { Rate } from './rate.ts'
import { sendFile } from './send-file.ts'
import { findRemembered, forgetUpload } from './upload-memory.ts'

/** One file on its way. `retrying`: the connection broke off, and is tried again. */
export interface UploadItem {
  key: number
  path: string
  file: File
  state: 'waiting' | 'sending' | 'retrying' | 'paused' | 'failed' | 'done'
  sentBytes: number
  error: ApiError | undefined
  /** When a broken connection is tried again, in ms since 1970. */
  retryAt: number | undefined
}

export interface UploadQueue {
  items: readonly UploadItem[]
  sentBytes: number
  totalBytes: number
  bytesPerSecond: number
}

/** Files that are sent at the same time: browsers open six connections to a server, and one is for live updates. */
const atOnce = 3
const tellMs = 100
/** The listing is read again while files arrive, but not for each of many. */
const rereadMs = 1500

const rate = new Rate()
const running = new Map<number, AbortController>()
const watchers = new Set<() => void>()
let items: UploadItem[] = []
let shown: UploadQueue = { items, sentBytes: 0, totalBytes: 0, bytesPerSecond: 0 }
let counter = 0
let telling: ReturnType<typeof setTimeout> | undefined
let rereadAt = 0

/** What is on its way into storage, on whatever page one is. */
export function useUploads(): UploadQueue {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => shown,
  )
}

/** Adds files, to be sent in turn. One that is on its way to the same place already is sent anew in its stead. */
export function addUploads(files: readonly { path: string; file: File }[]): void {
  const paths = new Set(files.map(({ path }) => path))
  for (const item of items.filter(({ path }) => paths.has(path))) running.get(item.key)?.abort()
  const added = files.map(({ path, file }): UploadItem => {
    const sentBytes = findRemembered(path, file)?.sentBytes ?? 0
    return { key: ++counter, path, file, state: 'waiting', sentBytes, error: undefined, retryAt: undefined }
  })
  items = [...items.filter(({ path, state }) => !paths.has(path) && state !== 'done'), ...added]
  window.addEventListener('beforeunload', askBeforeLeaving)
  goOn()
}

/** Stops what is sent and holds back what waits; all of it or one file. What has arrived stays. */
export function pauseUploads(key?: number): void {
  for (const item of chosen(key)) {
    if (item.state === 'done' || item.state === 'failed') continue
    change(item, { state: 'paused', retryAt: undefined })
    running.get(item.key)?.abort()
  }
  goOn()
}

/** Goes on with what was paused or failed; all of it or one file. */
export function resumeUploads(key?: number): void {
  for (const item of chosen(key)) {
    if (item.state === 'paused' || item.state === 'failed') change(item, { state: 'waiting', error: undefined })
  }
  goOn()
}

/** Gives up what has not arrived, all of it or one file, and what the server has of it. */
export function cancelUploads(key?: number): void {
  const gone = chosen(key).filter(({ state }) => state !== 'done')
  items = items.filter((item) => !gone.includes(item))
  for (const { key: one, path, file } of gone) {
    running.get(one)?.abort()
    const begun = findRemembered(path, file)
    if (begun) cancelOnServer(begun.id)
  }
  goOn()
}

/** Gives up an upload that this browser remembers. The server would do it by itself, a day later. */
export function cancelOnServer(id: string): void {
  forgetUpload(id)
  void client.storage.cancelUpload({ upload: id }).catch(() => undefined)
  tell()
}

/** Takes what is done out of the list. */
export function clearUploads(): void {
  items = items.filter(({ state }) => state !== 'done')
  goOn()
}

const chosen = (key: number | undefined): UploadItem[] =>
  key === undefined ? [...items] : items.filter((item) => item.key === key)

const isOpen = ({ state }: UploadItem): boolean => state === 'waiting' || state === 'sending' || state === 'retrying'

function goOn(): void {
  while (running.size < atOnce) {
    const next = items.find(({ key, state }) => state === 'waiting' && !running.has(key))
    if (!next) break
    void send(next)
  }
  if (!items.some(({ state }) => state !== 'done')) window.removeEventListener('beforeunload', askBeforeLeaving)
  tell()
}

async function send(item: UploadItem): Promise<void> {
  const control = new AbortController()
  running.set(item.key, control)
  change(item, { state: 'sending' })
  try {
    await sendFile(item.path, item.file, {
      signal: control.signal,
      onProgress(sentBytes) {
        if (control.signal.aborted) return
        rate.add(Math.max(0, sentBytes - item.sentBytes), now())
        change(item, { state: 'sending', sentBytes, error: undefined, retryAt: undefined })
      },
      onTrouble: (error, retryAt) => change(item, { state: 'retrying', error, retryAt }),
    })
    change(item, { state: 'done', sentBytes: item.file.size })
  } catch (error) {
    if (!control.signal.aborted) change(item, { state: 'failed', error: toApiError(error) })
  }
  running.delete(item.key)
  settle(item)
  goOn()
}

/** Shows what arrived, now and then, and says so when all has. */
function settle(item: UploadItem): void {
  const isLast = !items.some(isOpen)
  if (item.state === 'done' && (isLast || now() > rereadAt)) {
    rereadAt = now() + rereadMs
    reread()
  }
  const done = items.filter(({ state }) => state === 'done').length
  if (isLast && done > 0 && items.every(({ state }) => state === 'done')) toast(`Uploaded ${plural(done, 'file')}`)
}

function change(item: UploadItem, change: Partial<UploadItem>): void {
  Object.assign(item, change)
  tell()
}

/** Progress comes often and is drawn ten times a second. */
function tell(): void {
  telling ??= setTimeout(() => {
    telling = undefined
    shown = {
      items: items.map((item) => ({ ...item })),
      sentBytes: items.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      totalBytes: items.reduce((sum, { file }) => sum + file.size, 0),
      bytesPerSecond: items.some(({ state }) => state === 'sending') ? rate.at(now()) : 0,
    }
    for (const watcher of watchers) watcher()
  }, tellMs)
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault()
}
