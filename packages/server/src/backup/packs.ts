import { isMissingObject, type ObjectStore } from '../stores/store.ts'
import { packKey } from '../trees/packs.ts'
import { type Blobs, LineWriter, sha256 } from './blobs.ts'
import { type PackEntry, packKeyOf, type StreamParts } from './format.ts'

export interface CopiedPacks {
  stream: StreamParts
  sizeBytes: number
  newBytes: number
  /** Ids of packs that were not in the object store. */
  missing: string[]
}

interface Places {
  source: ObjectStore
  target: ObjectStore
  signal: AbortSignal
}

/** Copied at the same time: hides the way to a store that is far; each may take 64 MiB of memory. */
const atOnce = 3

/** Copies packs that are not in the place for backups yet, and lists all of them. */
export async function copyPacks(places: Places, ids: readonly string[], blobs: Blobs): Promise<CopiedPacks> {
  const there = await packsThere(places)
  const copied: CopiedPacks = { stream: { lines: 0, parts: [] }, sizeBytes: 0, newBytes: 0, missing: [] }
  const waiting = ids.filter((id) => !there.has(id)).values()
  const worker = async (): Promise<void> => {
    for (const id of waiting) {
      const entry = await copyPack(places, id)
      if (entry) there.set(id, entry)
      else copied.missing.push(id)
      copied.newBytes += entry?.[2] ?? 0
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const lines = new LineWriter(blobs)
  for (const id of ids.toSorted()) {
    const entry = there.get(id)
    if (!entry) continue
    await lines.add(entry)
    copied.sizeBytes += entry[2]
  }
  return { ...copied, stream: await lines.finish() }
}

/** Packs never change, so one that is there is not read again: its name tells its hash. */
async function packsThere({ target, signal }: Places): Promise<Map<string, PackEntry>> {
  const there = new Map<string, PackEntry>()
  for await (const { key, sizeBytes } of target.list('packs/', signal)) {
    const [, id, hash] = /^packs\/([a-z0-9]+)-([0-9a-f]{64})$/.exec(key) ?? []
    if (id !== undefined && hash !== undefined) there.set(id, [id, hash, sizeBytes])
  }
  return there
}

async function copyPack({ source, target, signal }: Places, id: string): Promise<PackEntry | undefined> {
  try {
    const bytes = await source.get(packKey(id), undefined, signal)
    const hash = sha256(bytes)
    await target.put(packKeyOf(id, hash), bytes, signal)
    return [id, hash, bytes.length]
  } catch (error) {
    if (isMissingObject(error)) return undefined
    throw error
  }
}
