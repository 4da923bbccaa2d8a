import { AppError } from '../lib/app-error.ts'
import type { ObjectStore } from '../stores/store.ts'
import { pathText } from '../volumes/walk.ts'
import { BlobReader, readVerified } from './blobs.ts'
import { blobKey, fileEntry, type Manifest, packEntry, packKeyOf, type Part } from './format.ts'
import { needManifest } from './manifest.ts'

export interface BackupCheck {
  createdAt: string
  objects: number
  sizeBytes: number
  /** Objects that are missing or have changed, and what can no longer be restored because of that. */
  damaged: { key: string; reason: string; affects: string[] }[]
}

/** Most names of what one damaged object affects. */
const namesAtMost = 20

/** Reads all of the newest backup of a place and compares every checksum. */
export async function checkBackup(store: ObjectStore, signal: AbortSignal): Promise<BackupCheck> {
  const { manifest } = await needManifest(store, signal)
  const check: BackupCheck = { createdAt: manifest.createdAt, objects: 0, sizeBytes: 0, damaged: [] }
  const seen = new Map<string, BackupCheck['damaged'][number] | null>()
  const look = async (key: string, hash: string, affects: string): Promise<boolean> => {
    let found = seen.get(key)
    if (found === undefined) {
      found = await readVerified(store, key, hash, signal).then(
        (bytes) => {
          check.objects++
          check.sizeBytes += bytes.length
          return null
        },
        (error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'backup_damaged') throw error
          const damage = { key, reason: String(error.params['reason']), affects: [] }
          check.damaged.push(damage)
          return damage
        },
      )
      seen.set(key, found)
    }
    if (found && found.affects.length < namesAtMost && !found.affects.includes(affects)) found.affects.push(affects)
    return found === null
  }
  await lookAtAll(manifest, new BlobReader(store, signal), look)
  return check
}

type Look = (key: string, hash: string, affects: string) => Promise<boolean>

async function lookAtAll({ rows, files, packs }: Manifest, reader: BlobReader, look: Look): Promise<void> {
  for (const [hash] of rows.parts) await look(blobKey(hash), hash, 'the database')
  for await (const line of goodLines(files.parts, reader, look, 'the list of files')) {
    const { path, parts = [] } = fileEntry.parse(line)
    for (const [hash] of parts) await look(blobKey(hash), hash, pathText(path))
  }
  for await (const line of goodLines(packs.parts, reader, look, 'the list of packs')) {
    const [id, hash] = packEntry.parse(line)
    await look(packKeyOf(id, hash), hash, `pack ${id}`)
  }
}

/** Lines of the parts that can be read. Blobs of lines are cut between lines. */
async function* goodLines(parts: readonly Part[], reader: BlobReader, look: Look, name: string): AsyncGenerator {
  for (const part of parts) if (await look(blobKey(part[0]), part[0], name)) yield* reader.lines([part])
}
