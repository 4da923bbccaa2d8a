import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

import { pinFolder } from '../lib/safe-path.ts'
import { entryPath, walk } from './walk.ts'

/**
 * Makes a tree that was just written survive a power cut. One `sync -f` (syncfs(2)) for all of it: asking for each
 * file takes a hundred times longer for large trees. Where there is no such command, each file is asked for.
 */
export async function flushTree(dir: string): Promise<void> {
  const code = await runSync(dir).catch(() => undefined)
  if (code !== 0) await flushEach(dir)
}

async function runSync(dir: string): Promise<unknown> {
  const child = spawn('sync', ['-f', '--', dir], { stdio: 'ignore' })
  const [code] = await once(child, 'close')
  return code
}

async function flushEach(dir: string): Promise<void> {
  const root = await pinFolder(dir)
  try {
    for await (const entry of walk(root, { recursive: true })) {
      if (!entry.stats.isFile() && !entry.stats.isDirectory()) continue
      const file = await open(entryPath(entry), constants.O_RDONLY | constants.O_NOFOLLOW)
      try {
        await file.sync()
      } finally {
        await file.close()
      }
    }
  } finally {
    await root.close()
  }
}
