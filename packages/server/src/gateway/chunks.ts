import { limits } from '../lib/limits.ts'

/** What is read next. */
type Step =
  | 'size'
  | 'extension'
  | 'size end'
  | 'data'
  | 'data end'
  | 'data last'
  | 'line'
  | 'trailer'
  | 'trailer end'
  | 'last'

const CR = 0x0d
const LF = 0x0a
/** 2^40 bytes, more than anybody sends at once. */
const mostDigits = 10

/**
 * Reads a body that comes in chunks: RFC 9112, section 7.1. Extensions and trailers are read over. It is told of bytes as
 * they arrive, and knows where the body ends.
 */
export class Chunks {
  #step: Step = 'size'
  #left = 0
  #digits = 0
  #extra = 0

  /**
   * Hands the data in these bytes on, in parts.
   *
   * @returns where the body ends in them; -1: it goes on; null: this is no body in chunks
   */
  read(bytes: Buffer, onData: (part: Buffer) => void): number | null {
    for (let at = 0; at < bytes.length;) {
      if (this.#step === 'data') {
        const end = Math.min(bytes.length, at + this.#left)
        onData(bytes.subarray(at, end))
        this.#left -= end - at
        at = end
        if (this.#left === 0) this.#step = 'data end'
        continue
      }
      const isLast = this.#step === 'last'
      if (!this.#take(bytes[at]!)) return null
      at += 1
      if (isLast) return at
    }
    return -1
  }

  /** One byte of what stands around the data. */
  #take(byte: number): boolean {
    switch (this.#step) {
      case 'size':
        return this.#takeSize(byte)
      case 'size end':
        this.#step = this.#left === 0 ? 'line' : 'data'
        return byte === LF
      case 'data end':
        this.#step = 'data last'
        return byte === CR
      case 'data last':
        this.#step = 'size'
        return byte === LF
      case 'line':
        this.#step = byte === CR ? 'last' : 'trailer'
        return byte === CR || this.#isText(byte)
      case 'trailer end':
        this.#step = 'line'
        return byte === LF
      case 'last':
        return byte === LF
      case 'extension':
      case 'trailer':
        if (byte !== CR) return this.#isText(byte)
        this.#step = this.#step === 'trailer' ? 'trailer end' : 'size end'
        return true
      case 'data':
        break
    }
    return false
  }

  #takeSize(byte: number): boolean {
    const digit = digitOf(byte)
    if (digit >= 0) {
      this.#left = (this.#digits === 0 ? 0 : this.#left * 16) + digit
      this.#digits += 1
      return this.#digits <= mostDigits
    }
    const isWhole = this.#digits > 0
    this.#digits = 0
    this.#step = byte === CR ? 'size end' : 'extension'
    return isWhole && (byte === CR || byte === 0x3b)
  }

  /** What stands beside the data is bounded as heads are. */
  #isText(byte: number): boolean {
    this.#extra += 1
    return this.#extra <= limits.proxyHeaderBytes && (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f))
  }
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
