import { treeRequestLimits } from '@nabla/api/tree-limits'
import { alignedMemory } from '../lib/aligned-memory.ts'
import { limits } from '../lib/limits.ts'
import { SpareBuffers } from '../lib/spare-buffers.ts'

/** Memory of parcels that come. */
export const largeBuffers: SpareBuffers = new SpareBuffers(
  treeRequestLimits.usualParcelBytes,
  limits.spareParcels,
  alignedMemory,
)

/** Memory of parts of packs that are read ahead, with what lies between chunks: a window with a chunk more fits. */
export const readBuffers: SpareBuffers = new SpareBuffers(
  limits.readAheadBytes / 2 + 1024 * 1024,
  limits.spareReadBuffers,
)
