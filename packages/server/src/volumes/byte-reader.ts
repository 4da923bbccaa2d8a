/** Reads exact numbers of bytes from a stream of chunks, pulling no more than it needs. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next `length` bytes, left in place; fewer at the end of the stream. */
  async peek(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const next = await this.#source.next()
      if (next.done) break
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value])
    }
    return this.#rest.subarray(0, length)
  }

  /** The next `length` bytes; fewer at the end of the stream. */
  async take(length: number): Promise<Buffer> {
    const taken = await this.peek(length)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  /** The next `length` bytes in chunks; fewer at the end of the stream. All that is left if no length is given. */
  async *chunks(length = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0 && (await this.peek(1)).length === 0) return
      const chunk = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(chunk.length)
      left -= chunk.length
      yield chunk
    }
  }

  /** Lets the source go before its end. */
  async close(): Promise<void> {
    await this.#source.return?.()
  }
}
