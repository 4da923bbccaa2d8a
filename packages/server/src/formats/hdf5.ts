import { bounds, FormatError, type ModelFile } from './reader.ts'

export interface Hdf5Dataset {
  path: string
  type: string
  shape: number[]
  valueBytes: number
}

export interface Hdf5 {
  datasets: Hdf5Dataset[]
  /** Those of the root that are texts. */
  attributes: Map<string, string>
}

const signature = Buffer.from('\u0089HDF\r\n\u001a\n', 'latin1')

/**
 * The datasets of a file of HDF5 in its original form, which is what h5py writes unless told otherwise: superblock
 * version 0 and groups by symbol tables. https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html. Of what
 * is newer, nothing is found. Values are not read.
 */
export async function readHdf5(file: ModelFile): Promise<Hdf5> {
  const found: Hdf5 = { datasets: [], attributes: new Map() }
  const begin = await file.read(0, 96)
  if (begin.length < 96 || !begin.subarray(0, 8).equals(signature)) throw new FormatError(file.path, 'it is no HDF5')
  const isOld = begin[8]! <= 1 && begin[13] === 8 && begin[14] === 8
  if (!isOld || begin[8] !== 0) return found
  const reader = new Reader(file, found)
  await reader.visit(Number(begin.readBigUInt64LE(64)), '', 0)
  return found
}

interface Message {
  type: number
  bytes: Buffer
}

class Reader {
  readonly #file: ModelFile
  readonly #found: Hdf5
  readonly #visited = new Set<number>()

  constructor(file: ModelFile, found: Hdf5) {
    this.#file = file
    this.#found = found
  }

  async visit(address: number, path: string, depth: number): Promise<void> {
    if (depth > bounds.depth || this.#visited.size > bounds.items) throw this.#fail('it is nested too deeply')
    if (this.#visited.has(address)) return
    this.#visited.add(address)
    const messages = await this.#messages(address)
    const space = messages.find(({ type }) => type === 1)
    const kind = messages.find(({ type }) => type === 3)
    if (space && kind) this.#addDataset(path, shapeOf(space.bytes), kind.bytes)
    if (path === '') for (const { type, bytes } of messages) if (type === 12) await this.#addAttribute(bytes)
    const table = messages.find(({ type }) => type === 17)
    if (!table) return
    const heap = await this.#heapOf(at64(table.bytes, 8))
    for (const child of await this.#children(at64(table.bytes, 0), 0)) {
      const name = textAt(heap, child.nameOffset)
      await this.visit(child.address, path === '' ? name : `${path}/${name}`, depth + 1)
    }
  }

  #addDataset(path: string, shape: number[], kind: Buffer): void {
    const valueBytes = kind.length >= 8 ? kind.readUInt32LE(4) : 0
    this.#found.datasets.push({ path, type: typeOf(kind, valueBytes), shape, valueBytes })
  }

  /** The messages of an object header, version 1, with those that lie elsewhere. */
  async #messages(address: number): Promise<Message[]> {
    const head = await this.#read(address, 16)
    if (head[0] !== 1) throw this.#fail('a header of it is damaged')
    const blocks = [{ start: address + 16, length: head.readUInt32LE(8) }]
    const messages: Message[] = []
    for (let block = blocks.shift(); block; block = blocks.shift()) {
      if (block.length > bounds.wholeBytes) throw this.#fail('a header of it is far too long')
      const bytes = await this.#read(block.start, block.length)
      for (let at = 0; at + 8 <= bytes.length;) {
        const type = bytes.readUInt16LE(at)
        const length = bytes.readUInt16LE(at + 2)
        const own = bytes.subarray(at + 8, at + 8 + length)
        if (own.length < length) throw this.#fail('a header of it is damaged')
        if (type === 16 && length >= 16) blocks.push({ start: at64(own, 0), length: at64(own, 8) })
        else messages.push({ type, bytes: own })
        if (messages.length + blocks.length > bounds.layers) throw this.#fail('a header of it is far too long')
        at += 8 + length
      }
    }
    return messages
  }

  /** What a tree of version 1 leads to: names and headers. */
  async #children(address: number, depth: number): Promise<{ nameOffset: number; address: number }[]> {
    if (depth > 16) throw this.#fail('it is nested too deeply')
    const head = await this.#read(address, 24)
    const used = head.readUInt16LE(6)
    if (head.toString('latin1', 0, 4) !== 'TREE' || head[4] !== 0) throw this.#fail('a group of it is damaged')
    const bytes = await this.#read(address + 24, used * 16 + 8)
    const found: { nameOffset: number; address: number }[] = []
    for (let at = 0; at < used; at++) {
      const child = at64(bytes, at * 16 + 8)
      found.push(...(head[5] === 0 ? await this.#symbols(child) : await this.#children(child, depth + 1)))
      if (found.length > bounds.items) throw this.#fail('a group of it is far too large')
    }
    return found
  }

  async #symbols(address: number): Promise<{ nameOffset: number; address: number }[]> {
    const head = await this.#read(address, 8)
    if (head.toString('latin1', 0, 4) !== 'SNOD') throw this.#fail('a group of it is damaged')
    const bytes = await this.#read(address + 8, head.readUInt16LE(6) * 40)
    const count = Math.floor(bytes.length / 40)
    return Array.from({ length: count }, (_, at) => ({
      nameOffset: at64(bytes, at * 40),
      address: at64(bytes, at * 40 + 8),
    }))
  }

  async #heapOf(address: number): Promise<Buffer> {
    const head = await this.#read(address, 32)
    const length = at64(head, 8)
    if (head.toString('latin1', 0, 4) !== 'HEAP' || length > bounds.wholeBytes) throw this.#fail('a group is damaged')
    return this.#read(at64(head, 24), length)
  }

  /** Only texts are of use: of fixed length, or in the global heap. */
  async #addAttribute(bytes: Buffer): Promise<void> {
    const version = bytes[0]!
    const [nameBytes, kindBytes, spaceBytes] = [2, 4, 6].map((at) => bytes.readUInt16LE(at)) as [number, number, number]
    const padded = (length: number) => (version === 1 ? Math.ceil(length / 8) * 8 : length)
    const start = version === 3 ? 9 : 8
    const name = textAt(bytes, start)
    const kind = bytes.subarray(start + padded(nameBytes))
    const value = kind.subarray(padded(kindBytes) + padded(spaceBytes))
    const type = kind[0]! & 15
    if (type === 3) this.#found.attributes.set(name, textAt(value.subarray(0, kind.readUInt32LE(4)), 0))
    if (type !== 9 || value.length < 16) return
    const text = await this.#heapObject(at64(value, 4), value.readUInt32LE(12))
    if (text) this.#found.attributes.set(name, text.subarray(0, value.readUInt32LE(0)).toString('utf8'))
  }

  async #heapObject(address: number, index: number): Promise<Buffer | undefined> {
    const head = await this.#read(address, 16)
    const length = at64(head, 8)
    if (head.toString('latin1', 0, 4) !== 'GCOL' || length > bounds.wholeBytes) throw this.#fail('a text is damaged')
    const bytes = await this.#read(address, length)
    for (let at = 16; at + 16 <= bytes.length;) {
      const size = at64(bytes, at + 8)
      if (bytes.readUInt16LE(at) === index) return bytes.subarray(at + 16, at + 16 + size)
      if (bytes.readUInt16LE(at) === 0) return undefined
      at += 16 + Math.ceil(size / 8) * 8
    }
    return undefined
  }

  async #read(start: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(start) || start < 0 || start + length > this.#file.sizeBytes) {
      throw this.#fail('a place in it is not true')
    }
    const bytes = await this.#file.read(start, length)
    if (bytes.length < length) throw this.#fail('it ends too early')
    return bytes
  }

  #fail(reason: string): FormatError {
    return new FormatError(this.#file.path, reason)
  }
}

const at64 = (bytes: Buffer, at: number): number => (at + 8 <= bytes.length ? Number(bytes.readBigUInt64LE(at)) : -1)

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('utf8', at, end < 0 ? bytes.length : end)
}

function shapeOf(space: Buffer): number[] {
  const start = space[0] === 1 ? 8 : 4
  return Array.from({ length: Math.min(space[1] ?? 0, bounds.dimensions) }, (_, at) => at64(space, start + at * 8))
}

/** Datatype message: class in the low bits, size behind the flags. */
function typeOf(kind: Buffer, valueBytes: number): string {
  const bits = valueBytes * 8
  switch (kind[0]! & 15) {
    case 0:
      return ((kind[1] ?? 0) & 8) === 0 ? `uint${bits}` : `int${bits}`
    case 1:
      return `float${bits}`
    case 8:
      return 'bool'
    default:
      return 'other'
  }
}
