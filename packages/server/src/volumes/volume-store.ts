import { mkdirSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { assert } from '../lib/assert.ts'
import { isMissing } from '../lib/file-error.ts'
import { removeTree } from './remove-tree.ts'
import { emptyFolder, moveToTrash, stagingBeside, syncFolder, trashBeside } from './staging.ts'

/** The folders of volumes: `<dataDir>/volumes/<volume id>`. What volumes there are is the database's to know. */
export interface VolumeStore {
  /** Where the files of a volume are, whether or not it has been made. */
  volumeDir(id: string): string
  /** For what is not complete yet: on the same disk, emptied at every start. */
  stagingDir(): string
  /** Makes the folder of a volume, durably; leaves one that is there as it is. */
  createVolume(id: string): Promise<void>
  /** The volume is gone when this resolves; its space is freed in the background. Unknown ids are ignored. */
  removeVolume(id: string): Promise<void>
  /**
   * Clears away what a crash left behind; before anything else is asked of the store. Resolves when nothing is in the
   * way any more; space is freed in the background.
   */
  sweep(): Promise<void>
  /** Stops freeing space; the next sweep goes on. */
  close(): Promise<void>
}

/**
 * Opens the store, making its folders if they are not there.
 *
 * @param onError hears of space that could not be freed; the next start tries again
 */
export function openVolumeStore(dataDir: string, onError: (error: unknown) => void = () => {}): VolumeStore {
  const root = join(dataDir, 'volumes')
  const volumeDir = (id: string) => {
    assert(/^[0-9a-z]{1,40}$/.test(id), `not the id of a volume: ${id}`)
    return join(root, id)
  }
  const stagingDir = stagingBeside(volumeDir('any'))
  const trashDir = trashBeside(volumeDir('any'))
  for (const dir of [root, stagingDir, trashDir]) mkdirSync(dir, { recursive: true, mode: 0o700 })

  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  const inBackground = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work
    } catch (error) {
      if (!closing.signal.aborted) onError(error)
    }
  }
  const start = (work: Promise<unknown>) => {
    const done = inBackground(work).finally(() => running.delete(done))
    running.add(done)
  }

  return {
    volumeDir,
    stagingDir: () => stagingDir,
    async createVolume(id) {
      const made = await mkdir(volumeDir(id), { recursive: true, mode: 0o755 })
      if (made !== undefined) await syncFolder(root)
    },
    async removeVolume(id) {
      try {
        const moved = await moveToTrash(volumeDir(id), volumeDir(id))
        await syncFolder(root)
        start(removeTree(moved, closing.signal))
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    },
    async sweep() {
      await rename(stagingDir, join(trashDir, randomUUID()))
      await mkdir(stagingDir, { mode: 0o700 })
      start(emptyFolder(trashDir, closing.signal))
    },
    async close() {
      closing.abort()
      await Promise.all(running)
    },
  }
}
