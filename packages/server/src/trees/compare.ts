import type { FileChange } from '@nabla/api/file'
import { comparePaths, type FileChunk, fileSize, type TreeEntry } from '@nabla/api/tree-format'
import { decodeRoot } from '@nabla/api/tree-root'
import type { Deps } from '../deps.ts'
import { entriesOf } from './contents.ts'

/**
 * Which files and links are different in two trees, in the order of their paths. Only lists of chunks are compared: no
 * file is read, however large.
 *
 * @param before digest of the older tree; null: there is none, all is new
 * @param after digest of the newer one; null: there is none, all is gone
 * @param limit most changes that are told
 */
export async function compareTrees(
  { chunks }: Pick<Deps, 'chunks'>,
  before: string | null,
  after: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<{ items: FileChange[]; complete: boolean }> {
  const olds = filesIn(chunks, before, signal)
  const news = filesIn(chunks, after, signal)
  const items: FileChange[] = []
  let [old, young] = [await next(olds), await next(news)]
  while (old || young) {
    if (items.length >= limit) return { items, complete: false }
    const order = !old ? 1 : !young ? -1 : comparePaths(old.path, young.path)
    if (order < 0) items.push(changeOf(old, undefined))
    else if (order > 0) items.push(changeOf(undefined, young))
    else if (contentOf(old!) !== contentOf(young!)) items.push(changeOf(old, young))
    if (order <= 0) old = await next(olds)
    if (order >= 0) young = await next(news)
  }
  return { items, complete: true }
}

type Entry = Exclude<TreeEntry, { type: 'folder' }>

async function* filesIn(chunks: Deps['chunks'], digest: string | null, signal: AbortSignal): AsyncGenerator<Entry> {
  if (digest === null) return
  const root = decodeRoot(await chunks.read(digest, { of: 'a tree', signal }))
  for await (const entry of entriesOf(chunks, root, signal)) if (entry.type !== 'folder') yield entry
}

async function next(entries: AsyncGenerator<Entry>): Promise<Entry | undefined> {
  const found = await entries.next()
  return found.done ? undefined : found.value
}

/** What a job would notice: a script that lost its right to be run is another file. */
const contentOf = (entry: Entry): string =>
  entry.type === 'link'
    ? `-> ${entry.target}`
    : `${entry.executable ? 'x' : '-'} ${entry.chunks.map(([hash]: FileChunk) => hash).join()}`

const sizeOf = (entry: Entry): number => (entry.type === 'file' ? fileSize(entry.chunks) : 0)

function changeOf(before: Entry | undefined, after: Entry | undefined): FileChange {
  return {
    path: (after ?? before)!.path,
    change: before && after ? 'changed' : before ? 'removed' : 'added',
    sizeBytes: after ? sizeOf(after) : null,
    sizeBytesBefore: before ? sizeOf(before) : null,
  }
}
