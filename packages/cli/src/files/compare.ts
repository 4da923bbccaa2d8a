import { isApiError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { KnownFiles } from '../workspace/known-files.ts'
import type { Scan } from '../workspace/scan.ts'
import { inQuestions } from './sync.ts'
import { treeServer } from './upload.ts'

/** What of a folder the server lacks. */
export interface Comparison {
  lackingFiles: number
  lackingBytes: number
}

/**
 * Asks the server what it lacks of a folder, and sends nothing. A sentence: why that is not known, since it was not
 * asked, or does not answer.
 */
export async function compareFolder(context: Context, folder: string, scan: Scan): Promise<Comparison | string> {
  const files = new KnownFiles({ folder, scan, now: context.io.now })
  if (files.unknownBytes() > limits.previewReadBytes) {
    return 'What the server has was not asked: there is too much to read for that first.'
  }
  context.out.status('Reading what is new')
  await files.read((slab) => slab.free())
  files.remember([])
  try {
    const server = treeServer(await context.client(), (call) => call())
    const filesOf = new Map<string, string>()
    const sizes = new Map<string, number>()
    for (const entry of files.entries()) {
      if (entry.type !== 'file') continue
      for (const [hash, sizeBytes] of entry.chunks) {
        if (!sizes.has(hash)) filesOf.set(hash, entry.path)
        sizes.set(hash, sizeBytes)
      }
    }
    const lacking: string[] = []
    for (const hashes of inQuestions([...sizes.keys()])) lacking.push(...(await server.lacking(hashes)))
    return {
      lackingFiles: new Set(lacking.map((hash) => filesOf.get(hash))).size,
      lackingBytes: lacking.reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0),
    }
  } catch (error) {
    if (!isApiError(error)) throw error
    return `What the server has is not known: ${error.message}`
  } finally {
    context.out.clearStatus()
  }
}
