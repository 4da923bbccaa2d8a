import { lstat } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { FileEntry } from '@nabla/api/file'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { type GrowingProgress, showGrowingProgress } from '../terminal/progress.ts'
import { unpackTar } from './download.ts'
import { fetchFile } from './fetch-file.ts'
import type { Place, Writer } from './places.ts'
import { createRetry, type Retry } from './retry.ts'
import type { Item } from './select.ts'
import { sendFile } from './send-file.ts'
import { tarOf } from './tar-stream.ts'

export interface CopyTotals {
  /** Those that were copied. */
  files: number
  sizeBytes: number
  /** Those that were there already. */
  equal: number
}

export interface Transfer {
  context: Context
  /** Compares by SHA-256 and not by time. */
  checksum: boolean
}

/** Of the files that are to be copied those that are not at the target yet. */
export interface Plan {
  items: Item[]
  equal: number
}

/** What of a download is to be done: files that are here with the same size and time are passed over. */
export async function planDownload({ checksum }: Transfer, place: Place, items: Item[], target: string): Promise<Plan> {
  return sift(items, async (item) => {
    if (item.isLink) return false
    const there = await lstat(join(target, item.to)).catch(() => undefined)
    if (!there?.isFile() || there.size !== item.sizeBytes) return false
    if (!checksum) return isSameTime(there.mtimeMs, item.modifiedMs)
    return (await place.checksum(item.from)).sha256 === (await hashLocal(join(target, item.to)))
  })
}

/** What of an upload is to be done. */
export async function planUpload({ checksum }: Transfer, place: Place, items: Item[], target: string): Promise<Plan> {
  const there = await listTargets(place, items, target)
  return sift(items, async (item) => {
    const entry = there.get(posix.join(target, item.to))
    if (entry?.type !== 'file' || entry.sizeBytes !== item.sizeBytes) return false
    if (!checksum) return isSameTime(Date.parse(entry.modifiedAt), item.modifiedMs)
    return (await place.checksum(entry.path)).sha256 === (await hashLocal(item.from))
  })
}

/** Fetches files: small ones many at a time as a tar, the others by themselves. */
export async function download(transfer: Transfer, place: Place, plan: Plan, target: string): Promise<CopyTotals> {
  return withProgress(transfer, 'Downloading', plan, async (progress, retry) => {
    const fetching = { place, retry, onBytes: (bytes: number) => progress.add(bytes) }
    const { batches, single } = divide(
      plan.items.filter(({ isLink }) => !isLink),
      strippedFolder,
    )
    await together([
      ...batches.map((batch) => () => retry(() => fetchBatch(place, batch, target, progress))),
      ...single.map((item) => async () => void (await fetchFile(fetching, item, join(target, item.to)))),
    ])
    const left = await fetchLinks(place, plan.items, target, retry)
    if (left.length > 0)
      transfer.context.out.warn(`left out, because they are links that lead elsewhere: ${nameSome(left)}`)
    return []
  })
}

/** Sends files: small ones many at a time as a tar, the others by themselves. */
export async function upload(
  transfer: Transfer,
  { place, writer }: { place: Place; writer: Writer },
  plan: Plan,
  target: string,
): Promise<CopyTotals> {
  return withProgress(transfer, 'Uploading', plan, async (progress, retry) => {
    const sending = { place, writer, retry, onBytes: (bytes: number) => progress.add(bytes) }
    const { batches, single } = divide(plan.items, () => '')
    const left = new Set<string>()
    await together([
      ...batches.map((batch) => async () => {
        const body = () => ReadableStream.from(tarOf(batch, left))
        await retry(() => writer.unpack({ path: target, body: body() }))
        progress.add(sizeOf(batch))
      }),
      ...single.map((item) => () => sendFile(sending, item, posix.join(target, item.to))),
    ])
    return [...left]
  })
}

async function withProgress(
  { context }: Transfer,
  label: string,
  plan: Plan,
  run: (progress: GrowingProgress, retry: Retry) => Promise<string[]>,
): Promise<CopyTotals> {
  const progress = showGrowingProgress(context.out, label)
  progress.grow(sizeOf(plan.items))
  const hint = 'Run the command again: it goes on where it was.'
  const retry = createRetry(context, { forMs: limits.uploadRetryForMs, hint })
  try {
    const left = await run(progress, retry)
    if (left.length > 0) {
      throw new CliError(`${left.length} files could not be read: ${left.slice(0, 3).join(', ')}`, 'Check their modes.')
    }
  } finally {
    progress.stop()
  }
  const files = plan.items.filter(({ isLink }) => !isLink).length
  return { files, sizeBytes: sizeOf(plan.items), equal: plan.equal }
}

const sizeOf = (items: readonly Item[]): number => items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

async function sift(items: readonly Item[], isEqual: (item: Item) => Promise<boolean>): Promise<Plan> {
  const plan: Plan = { items: [], equal: 0 }
  for (let from = 0; from < items.length; from += limits.comparedAtOnce) {
    const batch = items.slice(from, from + limits.comparedAtOnce)
    const equal = await Promise.all(batch.map(isEqual))
    plan.items.push(...batch.filter((_, index) => !equal[index]))
    plan.equal += equal.filter(Boolean).length
  }
  return plan
}

/** A tar holds whole seconds: one of the two may have lost the rest. */
function isSameTime(a: number, b: number): boolean {
  const [one, other] = [Math.trunc(a), Math.trunc(b)]
  if (one === other) return true
  const isWhole = one % 1000 === 0 || other % 1000 === 0
  return isWhole && Math.floor(one / 1000) === Math.floor(other / 1000)
}

async function hashLocal(path: string): Promise<string> {
  const [{ createHash }, { createReadStream }] = await Promise.all([import('node:crypto'), import('node:fs')])
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: limits.readBytes })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** What is in the folders that files go to: each listed by itself while they are few, else all below the target. */
async function listTargets(place: Place, items: readonly Item[], target: string): Promise<Map<string, FileEntry>> {
  const folders = new Set(items.map(({ to }) => posix.dirname(posix.join(target, to)).replace(/^\.$/, '')))
  const found = new Map<string, FileEntry>()
  const add = async (folder: string, recursive: boolean) => {
    try {
      for await (const entry of place.list(folder, recursive)) found.set(entry.path, entry)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'file_not_found')) throw error
    }
  }
  if (folders.size > limits.listedFolders) await add(target, true)
  else for (const folder of folders) await add(folder, false)
  return found
}

/** Small files, in groups that travel as one tar; `keyOf` tells which may be in one group, undefined: in none. */
function divide(
  items: readonly Item[],
  keyOf: (item: Item) => string | undefined,
): { batches: Item[][]; single: Item[] } {
  const groups = new Map<string, Item[]>()
  const single: Item[] = []
  for (const item of items) {
    const key = item.sizeBytes > limits.smallFileBytes ? undefined : keyOf(item)
    if (key === undefined) single.push(item)
    else groups.set(key, groups.get(key) ?? [])
    if (key !== undefined) groups.get(key)?.push(item)
  }
  const batches: Item[][] = []
  for (const group of groups.values()) {
    if (group.length < limits.fewFiles) single.push(...group)
    else batches.push(...cut(group))
  }
  return { batches, single }
}

function cut(group: readonly Item[]): Item[][] {
  const batches: Item[][] = []
  let bytes = 0
  for (const item of group) {
    const last = batches.at(-1)
    if (!last || last.length >= limits.tarFiles || bytes + item.sizeBytes > limits.tarBytes) {
      batches.push([item])
      bytes = item.sizeBytes
    } else {
      last.push(item)
      bytes += item.sizeBytes
    }
  }
  return batches
}

async function together(work: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = work.values()
  await Promise.all(
    Array.from({ length: limits.parallelUploads }, async () => {
      for (const one of queue) await one()
    }),
  )
}

/** The folder that a path loses on its way: files that lose the same one can be in one tar. Undefined: also renamed. */
function strippedFolder({ from, to }: Item): string | undefined {
  if (from === to) return ''
  return to !== '' && from.endsWith(`/${to}`) ? from.slice(0, -to.length - 1) : undefined
}

async function fetchBatch(place: Place, batch: Item[], target: string, progress: GrowingProgress): Promise<void> {
  const folder = strippedFolder(batch[0]!) ?? ''
  const strip = folder === '' ? 0 : folder.split('/').length
  const response = await place.pack(batch.map(({ from }) => from))
  await unpackTar(response, target, { add: () => {}, stop: () => {} }, strip)
  await checkArrived(batch, target)
  progress.add(sizeOf(batch))
}

/** Links travel in tars alone. Answers with those that would lead out of the target, and are not made. */
async function fetchLinks(place: Place, items: readonly Item[], target: string, retry: Retry): Promise<string[]> {
  const links = items.filter(({ isLink }) => isLink)
  const left: string[] = []
  for (const [folder, group] of Map.groupBy(links, strippedFolder)) {
    if (folder === undefined) {
      left.push(...group.map(({ from }) => from))
      continue
    }
    const strip = folder === '' ? 0 : folder.split('/').length
    for (const batch of cut(group)) {
      await retry(async () => {
        const response = await place.pack(batch.map(({ from }) => from))
        const { linksOut } = await unpackTar(response, target, { add: () => {}, stop: () => {} }, strip)
        left.push(...linksOut)
      })
    }
  }
  return left
}

const nameSome = (paths: readonly string[]): string =>
  paths.slice(0, 5).join(', ') + (paths.length > 5 ? ` and ${paths.length - 5} more` : '')

async function checkArrived(batch: readonly Item[], target: string): Promise<void> {
  for (const { from, to } of batch) {
    const there = await lstat(join(target, to)).catch(() => undefined)
    if (!there?.isFile())
      throw new CliError(`${from} has vanished meanwhile.`, `See what is in ${dirname(from)}.`, 'notFound')
  }
}
