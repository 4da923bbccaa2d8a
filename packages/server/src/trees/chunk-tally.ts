import type { TreeEntry } from '@nabla/api/tree-format'
import { type Db, touchTeamChunks } from './chunk-rows.ts'

/** Looks for the chunks that segments name, and touches them, many at a time. */
export interface ChunkTally {
  add(entries: readonly TreeEntry[]): Promise<void>
  finish(): Promise<TallyResult>
}

export interface TallyResult {
  /** Chunks that the team does not have. */
  missing: number
  /** A chunk whose length is not what a segment says of it. */
  wrongSize: string | undefined
}

/** Chunks that are looked for together, so that one which many files have is looked for once. */
const groupChunks = 8192

export function makeTally(db: Db, teamId: string, now: number): ChunkTally {
  const missing = new Set<string>()
  let wrongSize: string | undefined
  let wanted = new Map<string, number>()
  const lookUp = async () => {
    const found = await touchTeamChunks(db, teamId, [...wanted.keys()], now)
    for (const [hash, sizeBytes] of wanted) {
      const chunk = found.get(hash)
      if (!chunk) missing.add(hash)
      else if (chunk.sizeBytes !== sizeBytes) wrongSize ??= hash
    }
    wanted = new Map()
  }
  return {
    async add(entries) {
      for (const entry of entries) {
        if (entry.type !== 'file') continue
        for (const [hash, sizeBytes] of entry.chunks) {
          const said = wanted.get(hash)
          if (said !== undefined && said !== sizeBytes) wrongSize ??= hash
          else wanted.set(hash, sizeBytes)
        }
      }
      if (wanted.size >= groupChunks) await lookUp()
    },
    async finish() {
      await lookUp()
      return { missing: missing.size, wrongSize }
    },
  }
}
