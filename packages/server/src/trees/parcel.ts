import type { Readable } from 'node:stream'
import { type FrameHead, frameHeadBytes, readFrameHead } from '@nabla/api/chunk-frame'
import { treeRequestLimits } from '@nabla/api/tree-limits'
import { AppError } from '../lib/app-error.ts'
import type { Pace } from '../lib/pace.ts'
import { collectYoungGarbage } from '../lib/young-garbage.ts'
import { checkHead, frameBytes, FrameError, openFrame } from './frames.ts'

/** A frame, and where in its buffer it begins. */
export interface Frame {
  head: FrameHead
  offset: number
}

/**
 * Reads a parcel whole, into `memory` as far as it fits. Throws `body_too_large`, and `bad_chunk` when it breaks off;
 * the rest is then left unread.
 */
export async function readParcel(source: Readable, memory: Buffer, signal: AbortSignal): Promise<Buffer> {
  const most = treeRequestLimits.parcelBytes
  let parcel = memory
  let length = 0
  const onAbort = () => source.destroy()
  signal.addEventListener('abort', onAbort)
  try {
    signal.throwIfAborted()
    for await (const piece of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (length + piece.length > most) throw tooLarge()
      if (length + piece.length > parcel.length) parcel = grown(parcel, length + piece.length, most)
      length += piece.copy(parcel, length)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof AppError) throw error
    throw badChunk('it broke off while it was sent')
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  signal.throwIfAborted()
  if (length >= treeRequestLimits.usualParcelBytes / 2) collectYoungGarbage()
  return parcel.subarray(0, length)
}

/** Takes a parcel apart and checks each chunk. Of a chunk that comes twice the first counts. Throws `bad_chunk`. */
export async function openParcel(parcel: Buffer, pace: Pace): Promise<Frame[]> {
  const frames = new Map<string, Frame>()
  for (let offset = 0; offset < parcel.length;) {
    if (offset + frameHeadBytes > parcel.length) throw badChunk('the head of the last one is cut off')
    const head = readFrameHead(parcel, offset)
    const wrong = checkHead(head)
    if (wrong !== undefined) throw badChunk(`${head.hash}: ${wrong}`)
    const end = offset + frameBytes(head)
    if (end > parcel.length) throw badChunk('the last one is cut off')
    try {
      await openFrame(head, parcel.subarray(offset + frameHeadBytes, end), pace)
    } catch (error) {
      if (error instanceof FrameError) throw badChunk(`${head.hash}: ${error.message}`)
      throw error
    }
    if (!frames.has(head.hash)) frames.set(head.hash, { head, offset })
    offset = end
    await pace.rest()
  }
  return [...frames.values()]
}

/** What a parcel is that says how long it is. Throws `body_too_large`. */
export function checkParcelSize(sizeBytes: number | undefined): number {
  if ((sizeBytes ?? 0) > treeRequestLimits.parcelBytes) throw tooLarge()
  return sizeBytes ?? treeRequestLimits.usualParcelBytes
}

const badChunk = (reason: string) => new AppError('bad_chunk', { reason })

const tooLarge = () => new AppError('body_too_large', { limit: `${treeRequestLimits.parcelBytes / 1024 ** 2} MiB` })

function grown(parcel: Buffer, needed: number, most: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(most, Math.max(needed, parcel.length * 2)))
  parcel.copy(larger)
  return larger
}
