import { z } from 'zod'
import { hashForm, type TreeRoot } from './tree-format.ts'

/**
 * The root of a tree as a schema, and the form of a hash: for who reads roots that others wrote, as the server does.
 * Apart from `tree-format.ts`, so that who only writes trees loads no schemas.
 */

/** SHA-256 in hex of what a chunk holds. */
export const chunkHash = z.string().regex(hashForm, 'a SHA-256 in hex')

const treeRoot = z.strictObject({
  version: z.literal(1),
  files: z.number().int().min(0),
  sizeBytes: z.number().int().min(0),
  segments: z.array(z.tuple([chunkHash, z.number().int().min(1)])).max(100_000),
})

/** Reads a root. Throws an Error that says what is wrong with it. */
export function decodeRoot(bytes: Uint8Array): TreeRoot {
  return treeRoot.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
}
