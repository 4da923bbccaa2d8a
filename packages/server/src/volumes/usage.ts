import { pinFolder } from '../lib/safe-path.ts'
import { walk } from './walk.ts'

export interface Usage {
  /** What the tree takes on the disk: allocated blocks, folders included, a file with several names counted once. */
  bytes: number
  files: number
}

/** Measures a tree that may change meanwhile. */
export async function usage(root: string, signal?: AbortSignal): Promise<Usage> {
  const start = await pinFolder(root)
  const seen = new Set<string>()
  let bytes = 0
  let files = 0
  try {
    for await (const { stats } of walk(start, { recursive: true, ...(signal && { signal }) })) {
      if (stats.isFile()) files++
      if (stats.nlink > 1 && !stats.isDirectory()) {
        const inode = `${stats.dev}:${stats.ino}`
        if (seen.has(inode)) continue
        seen.add(inode)
      }
      bytes += stats.blocks * 512
    }
  } finally {
    await start.close()
  }
  return { bytes, files }
}
