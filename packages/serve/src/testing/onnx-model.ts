import type { DataType } from '../tensor/types.ts'

/**
 * Writes small ONNX models: the messages of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, as far as tests and
 * benchmarks need them.
 */

export interface Value {
  name: string
  type: DataType
  /** A text is a dimension with that name, of any length. */
  shape: (number | string)[]
}

export interface Constant {
  name: string
  shape: number[]
  values: Float32Array | BigInt64Array
}

export interface Node {
  op: string
  inputs: string[]
  outputs: string[]
  attributes?: Record<string, number | number[] | Graph>
}

export interface Graph {
  inputs: Value[]
  outputs: Value[]
  nodes: Node[]
  constants?: Constant[]
}

/** The bytes of a model file. */
export const onnxModel = (graph: Graph): Buffer =>
  Buffer.concat([number(1, 8), bytes(7, graphProto(graph)), bytes(8, Buffer.concat([text(1, ''), number(2, 17)]))])

const elementTypes: Record<DataType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
}

function graphProto({ inputs, outputs, nodes, constants = [] }: Graph): Buffer {
  return Buffer.concat([
    ...nodes.map((node) => bytes(1, nodeProto(node))),
    text(2, 'graph'),
    ...constants.map((constant) => bytes(5, tensorProto(constant))),
    ...inputs.map((value) => bytes(11, valueInfo(value))),
    ...outputs.map((value) => bytes(12, valueInfo(value))),
  ])
}

function nodeProto({ op, inputs, outputs, attributes = {} }: Node): Buffer {
  return Buffer.concat([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attributeProto(name, value))),
  ])
}

function attributeProto(name: string, value: number | number[] | Graph): Buffer {
  if (typeof value === 'number') return Buffer.concat([text(1, name), number(3, value), number(20, 2)])
  if (Array.isArray(value))
    return Buffer.concat([text(1, name), ...value.map((item) => number(8, item)), number(20, 7)])
  return Buffer.concat([text(1, name), bytes(6, graphProto(value)), number(20, 5)])
}

function tensorProto({ name, shape, values }: Constant): Buffer {
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const type = values instanceof Float32Array ? elementTypes.float32 : elementTypes.int64
  return Buffer.concat([...shape.map((length) => number(1, length)), number(2, type), text(8, name), bytes(9, raw)])
}

function valueInfo({ name, type, shape }: Value): Buffer {
  const dimensions = shape.map((length) => bytes(1, typeof length === 'number' ? number(1, length) : text(2, length)))
  const tensor = Buffer.concat([number(1, elementTypes[type]), bytes(2, Buffer.concat(dimensions))])
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensor))])
}

const number = (field: number, value: number): Buffer => Buffer.concat([varint(field * 8), varint(value)])

const bytes = (field: number, value: Buffer): Buffer =>
  Buffer.concat([varint(field * 8 + 2), varint(value.length), value])

const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value))

function varint(value: number): Buffer {
  const found: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) found.push((rest % 128) + 128)
  return Buffer.from([...found, rest])
}
