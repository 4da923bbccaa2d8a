/** What a program wrote, in pieces that stay whole: the last of it, for a connection that comes back. */
export class Scrollback {
  readonly #mostBytes: number
  #pieces: Buffer[] = []
  #bytes = 0
  #dropped = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Bytes written so far, by which a client says how much it has. */
  get written(): number {
    return this.#dropped + this.#bytes
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    let gone = 0
    while (this.#bytes > this.#mostBytes && gone < this.#pieces.length - 1) {
      const size = this.#pieces[gone++]?.length ?? 0
      this.#bytes -= size
      this.#dropped += size
    }
    if (gone > 0) this.#pieces = this.#pieces.slice(gone)
  }

  /** The pieces after the first `received` bytes, and where they begin: later, if some of them are kept no longer. */
  after(received: number): { from: number; pieces: Buffer[] } {
    let from = this.#dropped
    let skipped = 0
    for (const piece of this.#pieces) {
      if (from + piece.length > received) break
      from += piece.length
      skipped += 1
    }
    return { from, pieces: this.#pieces.slice(skipped) }
  }
}
