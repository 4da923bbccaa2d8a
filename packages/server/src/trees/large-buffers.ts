import { treeRequestLimits } from '@nabla/api/tree'
import { alignedMemory } from '../lib/aligned-memory.ts'
import { limits } from '../lib/limits.ts'
import { SpareBuffers } from '../lib/spare-buffers.ts'

/** Memory of parcels that come, and of parts of packs that are read: what is written is often read next. */
export const largeBuffers: SpareBuffers = new SpareBuffers(
  treeRequestLimits.usualParcelBytes,
  limits.spareParcels,
  alignedMemory,
)
