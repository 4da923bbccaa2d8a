/**
 * A few buffers for any number of logs: it bounds the memory, and lets logs take turns, first come first served.
 *
 * @returns a function that waits for a buffer and lends it to `use` until that is done
 */
export function blockPool(count: number, bytes: number): <T>(use: (buffer: Buffer) => Promise<T>) => Promise<T> {
  const free: Buffer[] = []
  const waiting: ((buffer: Buffer) => void)[] = []
  let made = 0
  const take = (): Buffer | Promise<Buffer> => {
    const buffer = free.pop()
    if (buffer) return buffer
    if (made < count) {
      made += 1
      return Buffer.allocUnsafeSlow(bytes)
    }
    return new Promise((resolve) => waiting.push(resolve))
  }
  return async (use) => {
    const buffer = await take()
    try {
      return await use(buffer)
    } finally {
      const next = waiting.shift()
      if (next) next(buffer)
      else free.push(buffer)
    }
  }
}
