/** What `O_DIRECT` asks for: memory, offsets and lengths in whole blocks of this size; no disk has larger ones. */
export const blockBytes = 4096

/** Types of Node leave it out. */
declare const WebAssembly: { Memory: new (pages: { initial: number }) => { buffer: ArrayBuffer } }

const known = new WeakSet<ArrayBufferLike>()

/**
 * Memory that begins at a page, as writing past the page cache needs. Nothing that JavaScript has promises that but the
 * memory of WebAssembly. Where there is none to be had (it reserves addresses, which may be limited), other memory.
 */
export function alignedMemory(bytes: number): Buffer {
  try {
    const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65_536) })
    known.add(buffer)
    return Buffer.from(buffer, 0, bytes)
  } catch {
    return Buffer.allocUnsafeSlow(bytes)
  }
}

/** Whether these bytes begin at a page. False when that is not known. */
export function isAligned(bytes: Uint8Array): boolean {
  return bytes.byteOffset % blockBytes === 0 && known.has(bytes.buffer)
}
