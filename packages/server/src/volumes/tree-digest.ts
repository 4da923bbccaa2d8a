import { createHash } from 'node:crypto'
import { type FileHandle, readlink } from 'node:fs/promises'

import { openFileAt, pinFolder } from '../lib/safe-path.ts'
import { entryPath, type TreeEntry, walk } from './walk.ts'

/** What one path of a tree holds, as far as the digest is concerned. */
export type TreeNode =
  | { type: 'folder' }
  | { type: 'file'; executable: boolean; sizeBytes: number; sha256: string }
  | { type: 'link'; target: string }

/**
 * SHA-256 (hex) over the paths of a tree, their types, executable bits, sizes, contents and the targets of links.
 * Equal trees have equal digests, however they were made; times, owners and other permissions do not count.
 * The tree must not change meanwhile.
 */
export async function treeDigest(dir: string, signal?: AbortSignal): Promise<string> {
  const nodes = new Map<string, TreeNode>()
  const root = await pinFolder(dir)
  try {
    for await (const entry of walk(root, { recursive: true, ...(signal && { signal }) })) {
      const node = await nodeOf(entry, signal)
      if (node) nodes.set(entry.path, node)
    }
  } finally {
    await root.close()
  }
  return digestOf(nodes)
}

/** The same, of a tree whose nodes are known. Keys are paths and targets of links are texts as bytes (latin1). */
export function digestOf(nodes: Map<string, TreeNode>): string {
  const hash = createHash('sha256')
  for (const path of [...nodes.keys()].sort()) {
    const node = nodes.get(path)
    if (node) hash.update(Buffer.from(`${describe(node)}\0${path}\0`, 'latin1'))
  }
  return hash.digest('hex')
}

/** SHA-256 (hex) of what is in an open plain file, from its beginning. */
export async function hashFile(file: FileHandle, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const { size } = await file.stat()
  const buffer = Buffer.allocUnsafe(Math.min(size + 1, readSize))
  for (let position = 0; ;) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
    hash.update(buffer.subarray(0, bytesRead))
    position += bytesRead
    // Of a plain file less than was asked for comes only at its end.
    if (bytesRead < buffer.length) return hash.digest('hex')
  }
}

const readSize = 256 * 1024

function describe(node: TreeNode): string {
  switch (node.type) {
    case 'folder':
      return 'folder'
    case 'file':
      return `file ${node.executable ? 'x' : '-'} ${node.sizeBytes} ${node.sha256}`
    case 'link':
      return `link ${node.target.length} ${node.target}`
    default:
      return node satisfies never
  }
}

async function nodeOf(entry: TreeEntry, signal: AbortSignal | undefined): Promise<TreeNode | undefined> {
  const { stats } = entry
  if (stats.isDirectory()) return { type: 'folder' }
  if (stats.isSymbolicLink()) return { type: 'link', target: await readlink(entryPath(entry), 'latin1') }
  const file = stats.isFile() ? await openFileAt(entryPath(entry)) : undefined
  if (!file) return undefined
  try {
    const sha256 = await hashFile(file, signal)
    return { type: 'file', executable: (stats.mode & 0o100) !== 0, sizeBytes: stats.size, sha256 }
  } finally {
    await file.close()
  }
}
