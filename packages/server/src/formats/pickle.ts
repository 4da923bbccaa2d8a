import { bounds, Cursor, type FormatError, type ModelFile } from './reader.ts'

/**
 * What a pickle would make, without making it: a name is only noted, and a call is a record of what would be called
 * with what. Opcodes are those of `pickletools.py` of CPython. Nothing is imported or run.
 */
export type Pickled =
  | { kind: 'value'; value: string | number | bigint | boolean | null }
  /** Bytes, of which only the number is kept. */
  | { kind: 'bytes'; length: number }
  | { kind: 'list'; items: Pickled[] }
  | { kind: 'dict'; items: [Pickled, Pickled][] }
  | { kind: 'name'; name: string }
  | { kind: 'call'; name: string; args: Pickled; state: Pickled | null; items: [Pickled, Pickled][] }
  | { kind: 'persistent'; id: Pickled }

export interface PickleScan {
  /** What it names, as `module.name`, each once. */
  imports: string[]
  /** Null where it broke off. */
  result: Pickled | null
  /** Why it could not be read to its end; null if it could. */
  problem: string | null
  /** Where it ended. */
  end: number
}

/** Reads a pickle by its opcodes. Never throws for what is in it: a pickle that breaks off has run by then. */
export async function scanPickle(file: ModelFile, start = 0): Promise<PickleScan> {
  const machine = new Machine(new Cursor(file, start))
  try {
    const result = await machine.run()
    return { imports: [...machine.imports], result, problem: null, end: machine.cursor.offset }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return { imports: [...machine.imports], result: null, problem, end: machine.cursor.offset }
  }
}

const none: Pickled = { kind: 'value', value: null }
const mark = Symbol('mark')

/** Names that are computed and so not known. */
const unknownName = '?.?'

class Machine {
  readonly cursor: Cursor
  readonly imports = new Set<string>()
  readonly #stack: (Pickled | typeof mark)[] = []
  readonly #memo = new Map<number, Pickled>()
  #kept = 0

  constructor(cursor: Cursor) {
    this.cursor = cursor
  }

  async run(): Promise<Pickled> {
    for (let count = 0; count < bounds.opcodes; count++) {
      if (count % 20_000 === 19_999) await new Promise((resolve) => setImmediate(resolve))
      const code = this.cursor.peeked() ?? (await this.cursor.take(1))[0]!
      if (code === 0x2e) return this.#pop()
      const step = steps[code]
      if (step === undefined) throw this.#fail(`there is no opcode ${code}`)
      const done = step(this)
      if (done) await done
    }
    throw this.#fail('it has more opcodes than are looked at')
  }

  push(value: Pickled): void {
    this.#stack.push(value)
    if (this.#stack.length > bounds.opcodes / 5) throw this.#fail('its stack is far too deep')
  }

  pushMark(): void {
    this.#stack.push(mark)
  }

  pop = (): Pickled => this.#pop()

  top(): Pickled {
    const value = this.#stack.at(-1)
    if (value === undefined || value === mark) throw this.#fail('its stack is empty')
    return value
  }

  popAny(): void {
    this.#stack.pop()
  }

  toMark(): Pickled[] {
    const at = this.#stack.lastIndexOf(mark)
    if (at < 0) throw this.#fail('a mark is missing')
    const items = this.#stack.splice(at).slice(1) as Pickled[]
    return items
  }

  remember(index: number, value: Pickled = this.top()): void {
    this.#memo.set(index, value)
  }

  memoize(): void {
    this.#memo.set(this.#memo.size, this.top())
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    if (!value) throw this.#fail('it refers to what is not there')
    this.push(value)
  }

  /** Notes a name; what is computed is noted as unknown. */
  name(module: Pickled, name: Pickled): void {
    const known = module.kind === 'value' && name.kind === 'value'
    const full = known ? `${String(module.value)}.${String(name.value)}` : unknownName
    if (this.imports.size < bounds.items) this.imports.add(full)
    this.push({ kind: 'name', name: full })
  }

  call(callee: Pickled, args: Pickled): void {
    const name = callee.kind === 'name' ? callee.name : callee.kind === 'call' ? `${callee.name}()` : unknownName
    if (callee.kind !== 'name') this.imports.add(`${name}.?`)
    this.push({ kind: 'call', name, args, state: null, items: [] })
  }

  append(target: Pickled, items: readonly Pickled[]): void {
    this.#keep(items.length)
    if (target.kind === 'list') for (const item of items) target.items.push(item)
  }

  setItems(target: Pickled, items: readonly Pickled[]): void {
    this.#keep(items.length)
    if (target.kind !== 'dict' && target.kind !== 'call') return
    for (let at = 0; at + 1 < items.length; at += 2) target.items.push([items[at]!, items[at + 1]!])
  }

  /** Gives a state to what is below it; an array of joblib is followed by its bytes, which are passed over. */
  async build(): Promise<void> {
    const state = this.#pop()
    const target = this.top()
    if (target.kind !== 'call') return
    target.state = state
    if (target.name === 'joblib.numpy_pickle.NumpyArrayWrapper') await this.#passArray(state)
  }

  async #passArray(state: Pickled): Promise<void> {
    const shape = fieldOf(state, 'shape')
    const type = fieldOf(state, 'dtype')
    const code = type?.kind === 'call' && type.args.kind === 'list' ? type.args.items[0] : undefined
    const text = code?.kind === 'value' ? String(code.value) : ''
    if (shape?.kind !== 'list' || text === '') throw this.#fail('an array of joblib is damaged')
    if (text.startsWith('O')) {
      // A pickle of its own stands in its place.
      const inner = new Machine(this.cursor)
      try {
        await inner.run()
      } finally {
        for (const name of inner.imports) this.imports.add(name)
      }
      return
    }
    const valueBytes = Number(/\d+$/.exec(text)?.[0] ?? NaN) * (text.startsWith('U') ? 4 : 1)
    const lengths = shape.items.map((item) => (item.kind === 'value' ? Number(item.value) : NaN))
    const length = lengths.reduce((product, one) => product * one, valueBytes)
    if (!Number.isSafeInteger(length)) throw this.#fail('an array of joblib is damaged')
    const alignment = fieldOf(state, 'numpy_array_alignment_bytes')
    if (alignment?.kind === 'value' && alignment.value !== null) this.cursor.skip((await this.cursor.take(1))[0] ?? 0)
    this.cursor.skip(length)
  }

  #pop(): Pickled {
    const value = this.#stack.pop()
    if (value === undefined || value === mark) throw this.#fail('its stack is empty')
    return value
  }

  #keep(count: number): void {
    this.#kept += count
    if (this.#kept > bounds.opcodes) throw this.#fail('it holds more than is looked at')
  }

  #fail(reason: string): FormatError {
    return this.cursor.fail(`the pickle cannot be read to its end: ${reason}`)
  }
}

/** The value of a key of a dict, or of a state that is one. */
export function fieldOf(value: Pickled | null | undefined, name: string): Pickled | undefined {
  const items = value?.kind === 'dict' || value?.kind === 'call' ? value.items : []
  return items.find(([key]) => key.kind === 'value' && key.value === name)?.[1]
}

type Step = (machine: Machine) => Promise<void> | void

const constant =
  (value: string | number | bigint | boolean | null): Step =>
  (machine) =>
    machine.push({ kind: 'value', value })

/** A text up to the end of the line: what protocol 0 writes. */
async function readLine({ cursor }: Machine): Promise<string> {
  const bytes: number[] = []
  for (;;) {
    const byte = cursor.peeked() ?? (await cursor.take(1))[0]!
    if (byte === 0x0a) return Buffer.from(bytes).toString('utf8')
    if (bytes.push(byte) > bounds.textBytes) throw cursor.fail('a line of the pickle is far too long')
  }
}

const line =
  (toValue: (text: string) => string | number | bigint | boolean | null): Step =>
  async (machine) =>
    machine.push({ kind: 'value', value: toValue(await readLine(machine)) })

async function readLength({ cursor }: Machine, bytes: 1 | 4 | 8): Promise<number> {
  const raw = await cursor.take(bytes)
  return bytes === 8 ? Number(raw.readBigUInt64LE()) : raw.readUIntLE(0, bytes)
}

const text =
  (lengthBytes: 1 | 4 | 8): Step =>
  async (machine) => {
    const length = await readLength(machine, lengthBytes)
    if (length > bounds.textBytes) {
      machine.cursor.skip(length)
      machine.push({ kind: 'bytes', length })
    } else machine.push({ kind: 'value', value: (await machine.cursor.take(length)).toString('utf8') })
  }

const blob =
  (lengthBytes: 1 | 4 | 8): Step =>
  async (machine) => {
    const length = await readLength(machine, lengthBytes)
    machine.cursor.skip(length)
    machine.push({ kind: 'bytes', length })
  }

const number =
  (bytes: number, read: (raw: Buffer) => number): Step =>
  async (machine) =>
    machine.push({ kind: 'value', value: read(await machine.cursor.take(bytes)) })

const long =
  (lengthBytes: 1 | 4): Step =>
  async (machine) => {
    const length = await readLength(machine, lengthBytes)
    if (length > 1024) machine.cursor.skip(length)
    const raw = length > 1024 ? Buffer.alloc(0) : await machine.cursor.take(length)
    let value = 0n
    for (let at = raw.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(raw[at]!)
    machine.push({ kind: 'value', value: BigInt.asIntN(Math.max(8, raw.length * 8), value) })
  }

const tuple =
  (count: number): Step =>
  (machine) => {
    const items: Pickled[] = []
    for (let at = 0; at < count; at++) items.unshift(machine.pop())
    machine.push({ kind: 'list', items })
  }

const isInteger = (text: string): bigint | string =>
  /^-?\d{1,1000}L?$/.test(text) ? BigInt(text.replace('L', '')) : text

const steps: Record<number, Step> = {
  0x28: (m) => m.pushMark(), // MARK
  0x30: (m) => m.popAny(), // POP
  0x31: (m) => void m.toMark(), // POP_MARK
  0x32: (m) => m.push(m.top()), // DUP
  0x46: line(Number), // FLOAT
  0x49: line((value) => (value === '00' ? false : value === '01' ? true : Number(value))), // INT
  0x4a: number(4, (raw) => raw.readInt32LE()), // BININT
  0x4b: number(1, (raw) => raw.readUInt8()), // BININT1
  0x4c: line(isInteger), // LONG
  0x4d: number(2, (raw) => raw.readUInt16LE()), // BININT2
  0x4e: constant(null), // NONE
  0x50: async (m) => m.push({ kind: 'persistent', id: { kind: 'value', value: await readLine(m) } }), // PERSID
  0x51: (m) => m.push({ kind: 'persistent', id: m.pop() }), // BINPERSID
  0x52: (m) => {
    const args = m.pop() // REDUCE
    m.call(m.pop(), args)
  },
  0x53: line((value) => value.replaceAll(/^['"]|['"]$/g, '')), // STRING
  0x54: text(4), // BINSTRING
  0x55: text(1), // SHORT_BINSTRING
  0x56: line((value) => value), // UNICODE
  0x58: text(4), // BINUNICODE
  0x61: (m) => {
    const item = m.pop() // APPEND
    m.append(m.top(), [item])
  },
  0x62: (m) => m.build(), // BUILD
  0x63: async (m) => {
    const module = await readLine(m) // GLOBAL
    m.name({ kind: 'value', value: module }, { kind: 'value', value: await readLine(m) })
  },
  0x64: (m) => m.push({ kind: 'dict', items: pairs(m.toMark()) }), // DICT
  0x7d: (m) => m.push({ kind: 'dict', items: [] }), // EMPTY_DICT
  0x65: (m) => {
    const items = m.toMark() // APPENDS
    m.append(m.top(), items)
  },
  0x67: async (m) => m.recall(Number(await readLine(m))), // GET
  0x68: async (m) => m.recall(await readLength(m, 1)), // BINGET
  0x69: async (m) => {
    const module = await readLine(m) // INST
    m.name({ kind: 'value', value: module }, { kind: 'value', value: await readLine(m) })
    const callee = m.pop()
    m.call(callee, { kind: 'list', items: m.toMark() })
  },
  0x6a: async (m) => m.recall(await readLength(m, 4)), // LONG_BINGET
  0x6c: (m) => m.push({ kind: 'list', items: m.toMark() }), // LIST
  0x5d: (m) => m.push({ kind: 'list', items: [] }), // EMPTY_LIST
  0x6f: (m) => {
    const [callee = none, ...items] = m.toMark() // OBJ
    m.call(callee, { kind: 'list', items })
  },
  0x70: async (m) => m.remember(Number(await readLine(m))), // PUT
  0x71: async (m) => m.remember(await readLength(m, 1)), // BINPUT
  0x72: async (m) => m.remember(await readLength(m, 4)), // LONG_BINPUT
  0x73: (m) => {
    const [value, key] = [m.pop(), m.pop()] // SETITEM
    m.setItems(m.top(), [key, value])
  },
  0x74: (m) => m.push({ kind: 'list', items: m.toMark() }), // TUPLE
  0x29: (m) => m.push({ kind: 'list', items: [] }), // EMPTY_TUPLE
  0x75: (m) => {
    const items = m.toMark() // SETITEMS
    m.setItems(m.top(), items)
  },
  0x47: number(8, (raw) => raw.readDoubleBE()), // BINFLOAT
  0x80: async (m) => void (await m.cursor.take(1)), // PROTO
  0x81: (m) => {
    const args = m.pop() // NEWOBJ
    m.call(m.pop(), args)
  },
  0x82: (m) => extension(m, 1), // EXT1
  0x83: (m) => extension(m, 2), // EXT2
  0x84: (m) => extension(m, 4), // EXT4
  0x85: tuple(1), // TUPLE1
  0x86: tuple(2), // TUPLE2
  0x87: tuple(3), // TUPLE3
  0x88: constant(true), // NEWTRUE
  0x89: constant(false), // NEWFALSE
  0x8a: long(1), // LONG1
  0x8b: long(4), // LONG4
  0x42: blob(4), // BINBYTES
  0x43: blob(1), // SHORT_BINBYTES
  0x8c: text(1), // SHORT_BINUNICODE
  0x8d: text(8), // BINUNICODE8
  0x8e: blob(8), // BINBYTES8
  0x8f: (m) => m.push({ kind: 'list', items: [] }), // EMPTY_SET
  0x90: (m) => {
    const items = m.toMark() // ADDITEMS
    m.append(m.top(), items)
  },
  0x91: (m) => m.push({ kind: 'list', items: m.toMark() }), // FROZENSET
  0x92: (m) => {
    const [, args, callee] = [m.pop(), m.pop(), m.pop()] // NEWOBJ_EX
    m.call(callee, args)
  },
  0x93: (m) => {
    const [name, module] = [m.pop(), m.pop()] // STACK_GLOBAL
    m.name(module, name)
  },
  0x94: (m) => m.memoize(), // MEMOIZE
  0x95: async (m) => void (await m.cursor.take(8)), // FRAME
  0x96: blob(8), // BYTEARRAY8
  0x97: (m) => m.push({ kind: 'bytes', length: 0 }), // NEXT_BUFFER
  0x98: () => {}, // READONLY_BUFFER
}

function pairs(items: readonly Pickled[]): [Pickled, Pickled][] {
  const found: [Pickled, Pickled][] = []
  for (let at = 0; at + 1 < items.length; at += 2) found.push([items[at]!, items[at + 1]!])
  return found
}

/** A name from a registry of the process that loads it: nobody can tell here which. */
async function extension(machine: Machine, bytes: 1 | 2 | 4): Promise<void> {
  await machine.cursor.take(bytes)
  machine.imports.add(unknownName)
  machine.push({ kind: 'name', name: unknownName })
}
