/**
 * The bytes as a JSON string with its quotes, between `before` and `after`. Bytes that are no UTF-8 are shown as
 * U+FFFD, as `toString` does. ASCII, which is what most programs write, is escaped as it stands: that takes a fifth of
 * the time of making a string of it, and of that another one for JSON, and of that bytes again.
 *
 * @param allocate where the result may lie; it is asked for more than twice as much as there is
 */
export function encodeJsonText(
  bytes: Buffer,
  before: string,
  after: string,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  return (
    encodeAscii(bytes, before, after, allocate) ?? Buffer.from(before + JSON.stringify(bytes.toString('utf8')) + after)
  )
}

const quote = 0x22
const backslash = 0x5c

/** What follows the backslash for each ASCII character; 0 for one that needs none, `u` for one with only a number. */
const escapes = new Uint8Array(128)
escapes.fill(0x75, 0, 0x20)
for (const [character, letter] of ['\bb', '\tt', '\nn', '\ff', '\rr', '""', '\\\\']) {
  escapes[character?.charCodeAt(0) ?? 0] = letter?.charCodeAt(0) ?? 0
}

const hexDigits = '0123456789abcdef'

/** Null when there is something other than ASCII, or so many control characters that there is no room for them. */
function encodeAscii(bytes: Buffer, before: string, after: string, allocate: (bytes: number) => Buffer): Buffer | null {
  // Pairs fit whatever there is; the six bytes of a numbered escape are checked for.
  const room = before.length + 2 * bytes.length + after.length + 2
  const out = allocate(room)
  const start = out.write(before, 0, 'latin1')
  out[start] = quote
  const end = escapeInto(bytes, out, start + 1, room - after.length - 1)
  if (end < 0) return null
  out[end] = quote
  return out.subarray(0, end + 1 + out.write(after, end + 1, 'latin1'))
}

/** Writes the escaped bytes from `start` on. Returns where they end; -1 when it gave up. */
function escapeInto(bytes: Buffer, out: Buffer, start: number, limit: number): number {
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const to = new DataView(out.buffer, out.byteOffset, out.length)
  let at = start
  for (let next = 0; next < bytes.length;) {
    for (; next + 4 <= bytes.length; next += 4, at += 4) {
      const word = from.getInt32(next, true)
      if (!isPlain(word)) break
      to.setInt32(at, word, true)
    }
    for (const stop = Math.min(bytes.length, next + 4); next < stop; next++) {
      const byte = bytes[next] ?? 0
      if (byte >= 0x80) return -1
      const letter = escapes[byte]
      if (letter === 0) {
        out[at++] = byte
        continue
      }
      out[at++] = backslash
      out[at++] = letter ?? 0
      if (letter !== 0x75) continue
      if (at + 4 + 2 * (bytes.length - next) > limit) return -1
      at += out.write(`00${byte < 16 ? '0' : '1'}${hexDigits[byte & 15] ?? ''}`, at, 'latin1')
    }
  }
  return at
}

/** Whether each of the four bytes is ASCII and stands for itself: none under 0x20, no quote, no backslash. */
function isPlain(word: number): boolean {
  const quotes = word ^ 0x22222222
  const backslashes = word ^ 0x5c5c5c5c
  // Taking away borrows from the byte above only where the byte itself is found already.
  const found = word | (word - 0x20202020) | (quotes - 0x01010101) | (backslashes - 0x01010101)
  return (found & 0x80808080) === 0
}
