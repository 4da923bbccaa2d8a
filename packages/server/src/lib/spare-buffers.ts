/**
 * Large buffers that are used again: after some 64 MB of new ones V8 collects all garbage of the process, which for a
 * stream of 200 MB/s is several times a second. Holds on to a few and never waits: when none is spare, one is made.
 */
export class SpareBuffers {
  readonly #sizeBytes: number
  readonly #most: number
  readonly #make: (bytes: number) => Buffer
  readonly #spare: Buffer[] = []

  /** `sizeBytes`: of each buffer. `most`: how many are kept. */
  constructor(sizeBytes: number, most: number, make: (bytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#sizeBytes = sizeBytes
    this.#most = most
    this.#make = make
  }

  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer {
    const kept = bytes <= this.#sizeBytes ? this.#spare.pop() : undefined
    return kept ?? this.#make(Math.max(bytes, this.#sizeBytes))
  }

  /** Gives one back that nobody uses any more. */
  give(buffer: Buffer): void {
    if (buffer.length === this.#sizeBytes && this.#spare.length < this.#most) this.#spare.push(buffer)
  }
}
