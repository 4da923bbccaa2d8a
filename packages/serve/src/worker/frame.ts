import type { Socket } from 'node:net'
import { limits } from '../limits.ts'
import type { Tensor } from '../tensor/types.ts'
import { passBytes } from '../young-garbage.ts'

/**
 * Messages between the server and the process that runs a model, on a socket of their own: two numbers of four bytes
 * (length of the head, length of the body, little-endian), a head of JSON, and the bytes of the tensors that it names.
 * Head and tensors are padded to eight bytes, so that the reader can look at them as arrays without copying.
 * `python/worker.py` speaks the same.
 */

/** A head. The tensors follow in this order; `bytes` of each without padding. */
export interface Head {
  op: string
  id?: number
  tensors?: { name: string; type: string; shape: number[]; bytes: number }[]
  [field: string]: unknown
}

export interface Frame {
  head: Head
  tensors: Tensor[]
}

/** Bytes of one tensor, in parts that together are it: those of requests that are run as one batch. */
export interface TensorParts extends Omit<Tensor, 'bytes'> {
  parts: readonly Uint8Array[]
}

const padding = new Uint8Array(8)

/** Writes one message; the parts are not copied. */
export function writeFrame(socket: Socket, head: Head, tensors: readonly TensorParts[] = []): void {
  let bodyBytes = 0
  const named = tensors.map(({ name, type, shape, parts }) => {
    const bytes = sizeOf(parts)
    bodyBytes += padded(bytes)
    return { name, type, shape, bytes }
  })
  const text = JSON.stringify(tensors.length > 0 ? { ...head, tensors: named } : head)
  const textBytes = Buffer.byteLength(text)
  const start = Buffer.allocUnsafe(8 + padded(textBytes)).fill(0x20)
  start.writeUInt32LE(padded(textBytes), 0)
  start.writeUInt32LE(bodyBytes, 4)
  start.write(text, 8)
  socket.cork()
  socket.write(start)
  for (const [index, { parts }] of tensors.entries()) {
    for (const part of parts) if (part.length > 0) socket.write(part)
    const missing = padded(named[index]!.bytes) - named[index]!.bytes
    if (missing > 0) socket.write(padding.subarray(0, missing))
  }
  socket.uncork()
}

/**
 * Calls `onFrame` for each message that arrives. The bytes of a body are in memory of their own, which stays as long as
 * somebody holds a tensor. What is no message destroys the socket, with an error.
 */
export function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  const start = Buffer.alloc(8)
  let parts: Buffer[] = [start]
  let part = 0
  let filled = 0
  /** What comes next, once the current part is full; parts without length are passed over. */
  const advance = (): void => {
    while (filled === parts[part]!.length) {
      filled = 0
      part += 1
      if (part < parts.length) continue
      const [, head, body] = parts
      if (head === undefined || body === undefined) {
        parts = [start, ...makeRoom(start.readUInt32LE(0), start.readUInt32LE(4))]
      } else {
        parts = [start]
        part = 0
        onFrame(decode(head, body))
      }
    }
  }
  socket.on('data', (chunk: Buffer) => {
    passBytes(2 * chunk.length)
    try {
      for (let from = 0; from < chunk.length;) {
        const taken = chunk.copy(parts[part]!, filled, from)
        from += taken
        filled += taken
        advance()
      }
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8

function sizeOf(parts: readonly Uint8Array[]): number {
  let bytes = 0
  for (const part of parts) bytes += part.length
  return bytes
}

function makeRoom(headBytes: number, bodyBytes: number): [Buffer, Buffer] {
  if (headBytes > limits.frameHeadBytes || bodyBytes > limits.frameBodyBytes) throw new Error('a message is too large')
  // Of its own, not a part of the pool of small buffers, so that it begins at a multiple of eight.
  return [Buffer.allocUnsafe(headBytes), Buffer.allocUnsafeSlow(bodyBytes)]
}

function decode(headBytes: Buffer, body: Buffer): Frame {
  const head = JSON.parse(headBytes.toString()) as Head
  let at = 0
  const tensors = (head.tensors ?? []).map(({ name, type, shape, bytes }) => {
    const part = body.subarray(at, at + bytes)
    if (part.length !== bytes) throw new Error('a message is shorter than it says')
    at += padded(bytes)
    return { name, type, shape, bytes: part } as Tensor
  })
  return { head, tensors }
}
