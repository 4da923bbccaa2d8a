import { posix } from 'node:path'
import type { Tree } from '@nabla/api/tree'
import { comparePaths, encodeRoot, fileSize, segmentWriter, type TreeEntry } from '@nabla/api/tree-format'
import type { ChunkStore } from './chunk-store.ts'
import type { TreeIndex } from './tree-index.ts'
import { inside } from './tree-path.ts'

export interface MergedTrees {
  base: TreeIndex
  over: TreeIndex
}

/**
 * Makes a tree of two: all of `over`, and of `base` what is not in its way. A file of `over` takes the place of a folder
 * of `base` with all that is in it, and the other way round. Only entries are read, no contents of files. Throws what
 * `ChunkStore.commit` throws.
 */
export async function mergeTrees(
  chunks: ChunkStore,
  teamId: string,
  trees: MergedTrees,
  signal: AbortSignal,
): Promise<Tree> {
  const writer = chunks.add(teamId, signal)
  const segments: [string, number][] = []
  const store = async (segment: Uint8Array | undefined) => {
    if (segment) segments.push([await writer.add(segment), segment.byteLength])
  }
  const form = segmentWriter()
  let [files, sizeBytes] = [0, 0]
  for await (const entry of merged(trees)) {
    signal.throwIfAborted()
    if (entry.type === 'file') {
      files++
      sizeBytes += fileSize(entry.chunks)
    }
    await store(form.add(entry))
  }
  await store(form.finish())
  const digest = await writer.add(encodeRoot({ version: 1, files, sizeBytes, segments }))
  await writer.finish()
  return chunks.commit(teamId, digest, signal)
}

async function* merged({ base, over }: MergedTrees): AsyncGenerator<TreeEntry, void, undefined> {
  const [older, newer] = [base.cursor(''), over.cursor('')]
  const isCovered = coverOf(over)
  let [old, young] = [await older.next(), await newer.next()]
  while (old || young) {
    const order = !old ? 1 : !young ? -1 : comparePaths(old.path, young.path)
    if (young && order >= 0) {
      yield young
      young = await newer.next()
      if (order === 0) old = await older.next()
    } else if (old) {
      if (!(await isCovered(old))) yield old
      old = await older.next()
    }
  }
}

/** Tells whether an entry has to go: a file or link of `over` stands where its folder was, or a folder where it is. */
function coverOf(over: TreeIndex): (entry: TreeEntry) => Promise<boolean> {
  // Neighbours are mostly in the same folder.
  let last: { folder: string; isGone: boolean } | undefined
  const isGone = async (folder: string): Promise<boolean> => {
    if (folder === '.') return false
    const entry = await over.find(folder)
    return (entry !== undefined && entry.type !== 'folder') || isGone(posix.dirname(folder))
  }
  return async ({ type, path }) => {
    const folder = posix.dirname(path)
    if (last?.folder !== folder) last = { folder, isGone: await isGone(folder) }
    if (last.isGone || type === 'folder') return last.isGone
    const below = await over.cursor(inside(path)).next()
    return below?.path.startsWith(inside(path)) === true
  }
}
