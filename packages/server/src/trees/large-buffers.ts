import { treeRequestLimits } from '@nabla/api/tree'
import { alignedMemory } from '../lib/aligned-memory.ts'
import { limits } from '../lib/limits.ts'
import { SpareBuffers } from '../lib/spare-buffers.ts'

/**
 * Memory of parcels that come, and of parts of packs that are read ahead: what was sent lately is what is read next, so
 * both have the same. One holds half of `limits.readAheadBytes`, and a chunk more with what lies between.
 */
export const largeBuffers: SpareBuffers = new SpareBuffers(
  treeRequestLimits.usualParcelBytes,
  limits.spareLargeBuffers,
  alignedMemory,
)
