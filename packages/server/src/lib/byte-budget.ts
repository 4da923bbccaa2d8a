/** Memory that many share: whoever comes when it is used up waits, in the order of coming. */
export class ByteBudget {
  readonly #sizeBytes: number
  readonly #waiting: { bytes: number; go: () => void }[] = []
  #left: number

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes
    this.#left = sizeBytes
  }

  /** Takes `bytes`, or all there is if that is less; resolves with what gives them back, to be called once. */
  async take(bytes: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    const taken = Math.min(bytes, this.#sizeBytes)
    if (this.#waiting.length > 0 || taken > this.#left) await this.#wait(taken, signal)
    else this.#left -= taken
    return () => {
      this.#left += taken
      this.#serve()
    }
  }

  /** Bytes that nobody holds. */
  get left(): number {
    return this.#left
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = {
        bytes,
        go: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(signal?.reason)
        this.#serve()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(entry)
    })
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first && first.bytes <= this.#left; first = this.#waiting[0]) {
      this.#waiting.shift()
      this.#left -= first.bytes
      first.go()
    }
  }
}
