import { chunkLengthBy, gear } from '@nabla/api/chunker'

/** Memory for contents, shared between threads, and what cuts them. */
export interface SlabMemory {
  bytes: Buffer<SharedArrayBuffer>
  /** Length of the chunk that begins at `start`: what `chunkLength` says of the same bytes, four times as fast. */
  cut(start: number, end: number): number
}

/** Makes memory of `sizeBytes`. */
export function makeSlabMemory(sizeBytes: number): SlabMemory {
  const pages = 1 + Math.ceil(sizeBytes / pageBytes)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: mostPages, shared: true })
  new Int32Array(memory.buffer, 0, gear.length).set(gear)
  compiled ??= new WebAssembly.Module(findCutModule())
  const { find, hash } = new WebAssembly.Instance(compiled, { '': { memory } }).exports
  return {
    bytes: Buffer.from(memory.buffer, contentsAt, sizeBytes),
    cut(start, end) {
      hash.value = 0
      return chunkLengthBy(find, contentsAt + start, contentsAt + end)
    },
  }
}

/** The bytes of a slab's memory, seen from another thread. */
export const slabBytes = (memory: SharedArrayBuffer): Buffer<SharedArrayBuffer> => Buffer.from(memory, contentsAt)

/** The table of the gear hash lies at the beginning, contents from the second page on. */
const pageBytes = 65_536
const contentsAt = pageBytes
const mostPages = 1024

interface CutExports {
  find(from: number, to: number, mask: number): number
  hash: { value: number }
}

/** Types of Node leave it out. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => { buffer: SharedArrayBuffer }
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: Record<string, object>) => { exports: CutExports }
}

let compiled: object | undefined

/**
 * `FindCut` of the chunker as a WebAssembly module, since JavaScript checks each access to the bytes and to the table.
 * Eight bytes a turn, then the rest one by one. Opcodes: https://webassembly.github.io/spec/core/binary/
 *
 *     global hash: i32
 *     func find(from, to, mask: i32) -> i32
 *       h = hash
 *       while (from < to) {
 *         h = (h << 1) + table[memory[from]]
 *         if (!(h & mask)) return from + 1
 *         from++
 *       }
 *       hash = h
 *       return -1
 */
function findCutModule(): Uint8Array {
  const [from, to, mask, hash, last] = [0, 1, 2, 3, 4]
  const step = (ahead: number): number[] =>
    [
      [get(hash), number(1), op.shl, get(from), op.load8, 0, ahead, number(2), op.shl, op.load32, 2, 0, op.add].flat(),
      [tee(hash), get(mask), op.and, op.isZero, op.if, nothing].flat(),
      [get(from), number(ahead + 1), op.add, op.return, op.end].flat(),
    ].flat()
  const loop = (most: number, body: number[], stepBytes: number): number[] =>
    [
      [op.block, nothing, op.loop, nothing, get(from), get(most), op.isAtLeast, op.breakIf, 1].flat(),
      body,
      [get(from), number(stepBytes), op.add, set(from), op.break, 0, op.end, op.end].flat(),
    ].flat()
  const find = [
    vector([[2, i32]]),
    [op.getGlobal, 0, set(hash), get(to), number(7), op.subtract, set(last)].flat(),
    loop(last, [0, 1, 2, 3, 4, 5, 6, 7].flatMap(step), 8),
    loop(to, step(0), 1),
    [get(hash), op.setGlobal, 0, number(-1), op.end].flat(),
  ].flat()
  const sections = [
    section(1, [[0x60, vector([[i32], [i32], [i32]]), vector([[i32]])].flat()]),
    section(2, [[text(''), text('memory'), 0x02, 0x03, unsigned(1), unsigned(mostPages)].flat()]),
    section(3, [[0]]),
    section(6, [[i32, 0x01, number(0), op.end].flat()]),
    section(7, [[text('find'), 0x00, 0].flat(), [text('hash'), 0x03, 0].flat()]),
    section(10, [[unsigned(find.length), find].flat()]),
  ]
  return Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, ...sections.flat()])
}

const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  break: 0x0c,
  breakIf: 0x0d,
  return: 0x0f,
  getGlobal: 0x23,
  setGlobal: 0x24,
  load32: 0x28,
  load8: 0x2d,
  isZero: 0x45,
  isAtLeast: 0x4e,
  add: 0x6a,
  subtract: 0x6b,
  and: 0x71,
  shl: 0x74,
}
const i32 = 0x7f
const nothing = 0x40

const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const tee = (local: number): number[] => [0x22, local]
/** A constant between -64 and 63. */
const number = (value: number): number[] => [0x41, value & 0x7f]
const text = (value: string): number[] => [value.length, ...Buffer.from(value)]
const vector = (items: number[][]): number[] => [items.length, ...items.flat()]

function section(id: number, items: number[][]): number[] {
  const body = vector(items)
  return [id, ...unsigned(body.length), ...body]
}

/** LEB128 of a number below 16,384. */
const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 0x7f) | 0x80, value >> 7])
