import { bounds, Cursor, type ModelFile } from './reader.ts'

/** Items of a list that are kept; a longer one becomes its beginning. */
const keptItems = 5000

/**
 * Reads Universal Binary JSON (https://ubjson.org, draft 12) as XGBoost writes it. Lists of numbers are passed over:
 * those are the trees. Throws `FormatError`.
 */
export async function readUbjson(file: ModelFile): Promise<unknown> {
  const cursor = new Cursor(file)
  return new Reader(cursor).value(await marker(cursor), 0)
}

const sizes: Record<string, number> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8 }

async function marker(cursor: Cursor): Promise<string> {
  const byte = cursor.peeked() ?? (await cursor.take(1))[0]!
  return byte === 0x4e ? marker(cursor) : String.fromCharCode(byte)
}

class Reader {
  readonly #cursor: Cursor
  #items = 0

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  async value(type: string, depth: number): Promise<unknown> {
    if (depth > bounds.depth) throw this.#cursor.fail('it is nested too deeply')
    if (++this.#items > bounds.opcodes) throw this.#cursor.fail('it holds more than is looked at')
    if (this.#items % 20_000 === 0) await new Promise((resolve) => setImmediate(resolve))
    switch (type) {
      case 'Z':
        return null
      case 'T':
        return true
      case 'F':
        return false
      case 'S':
      case 'H':
        return this.#text()
      case 'C':
        return String.fromCharCode((await this.#cursor.take(1))[0]!)
      case '[':
        return this.#list(depth)
      case '{':
        return this.#object(depth)
      default:
        return this.#number(type)
    }
  }

  async #number(type: string): Promise<number> {
    const bytes = await this.#cursor.take(sizes[type] ?? Infinity)
    switch (type) {
      case 'i':
        return bytes.readInt8()
      case 'U':
        return bytes.readUInt8()
      case 'I':
        return bytes.readInt16BE()
      case 'l':
        return bytes.readInt32BE()
      case 'L':
        return Number(bytes.readBigInt64BE())
      case 'd':
        return bytes.readFloatBE()
      default:
        return bytes.readDoubleBE()
    }
  }

  async #length(): Promise<number> {
    const length = await this.#number(await marker(this.#cursor))
    if (!Number.isSafeInteger(length) || length < 0 || length > this.#cursor.left) {
      throw this.#cursor.fail('a length in it is not true')
    }
    return length
  }

  async #text(): Promise<string> {
    const length = await this.#length()
    if (length > bounds.wholeBytes) throw this.#cursor.fail('a text in it is far too long')
    return (await this.#cursor.take(length)).toString('utf8')
  }

  /** What follows the beginning of a list or an object: perhaps a type for all, perhaps how many. */
  async #head(): Promise<{ type: string | null; count: number | null; next: string }> {
    let next = await marker(this.#cursor)
    let type: string | null = null
    if (next === '$') {
      type = await marker(this.#cursor)
      next = await marker(this.#cursor)
      if (next !== '#') throw this.#cursor.fail('a list of one type has no length')
    }
    if (next !== '#') return { type, count: null, next }
    return { type, count: await this.#length(), next: '' }
  }

  async #list(depth: number): Promise<unknown[]> {
    const { type, count, next } = await this.#head()
    const bytes = type === null ? undefined : sizes[type]
    if (count !== null && bytes !== undefined) {
      this.#cursor.skip(count * bytes)
      return []
    }
    const items: unknown[] = []
    let own = next
    for (let at = 0; count === null || at < count; at++) {
      if (count === null && at > 0) own = await marker(this.#cursor)
      if (count === null && own === ']') break
      const item = await this.value(type ?? (count === null ? own : await marker(this.#cursor)), depth + 1)
      if (items.length < keptItems) items.push(item)
    }
    return items
  }

  async #object(depth: number): Promise<Record<string, unknown>> {
    const { type, count, next } = await this.#head()
    const fields: [string, unknown][] = []
    let own = next
    for (let at = 0; count === null || at < count; at++) {
      if (count === null && at > 0) own = await marker(this.#cursor)
      if (count === null && own === '}') break
      const length = count === null ? await this.#number(own) : await this.#length()
      if (!Number.isSafeInteger(length) || length < 0 || length > bounds.textBytes) {
        throw this.#cursor.fail('a name in it is damaged')
      }
      const name = (await this.#cursor.take(length)).toString('utf8')
      fields.push([name, await this.value(type ?? (await marker(this.#cursor)), depth + 1)])
    }
    return Object.fromEntries(fields)
  }
}
