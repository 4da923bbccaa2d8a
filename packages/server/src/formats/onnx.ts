import type { ModelTensor } from '@nabla/api/model-format'
import { bytesOfType, type Found, Weights } from './found.ts'
import { bytesOf, type Field, fieldsOf, inside, numbersOf, textOf } from './protobuf.ts'
import { bounds, countOf, Cursor, type ModelFile, type ModelFiles, shown } from './reader.ts'

/** `TensorProto.DataType` of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, as NumPy calls them. */
const types = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
]
const typeOf = (number: number): string => types[number] ?? `type ${number}`

/** Reads a model of ONNX: its graph, and the names and shapes of its tensors; what is in them is skipped. */
export async function readOnnx(file: ModelFile, { files }: Pick<ModelFiles, 'files'>): Promise<Found> {
  const cursor = new Cursor(file)
  const model = newModel()
  for await (const field of fieldsOf(cursor, file.sizeBytes)) await readModelField(cursor, field, model)
  if (!model.hasGraph || model.opsets.length === 0) throw cursor.fail('it is no ONNX: it has no graph or no opset')
  const held = new Set(model.tensors.map(({ name }) => name))
  for (const tensor of model.tensors) checkPlace(cursor, tensor, files, model.warnings)
  return {
    format: 'onnx',
    producer: [model.producer, model.producerVersion].filter(Boolean).join(' ') || null,
    opsets: model.opsets,
    inputs: model.inputs.filter(({ name }) => !held.has(name)),
    outputs: model.outputs,
    weights: model.weights,
    hasGraph: model.nodes > 0,
    details: { ...model.details, nodes: String(model.nodes) },
    warnings: [...new Set(model.warnings)].slice(0, 20),
  }
}

interface Tensor {
  name: string
  type: string
  shape: number[]
  rawBytes: number | null
  place: Map<string, string>
}

const newModel = () => ({
  producer: '',
  producerVersion: '',
  opsets: [] as { domain: string; version: number }[],
  inputs: [] as ModelTensor[],
  outputs: [] as ModelTensor[],
  tensors: [] as Tensor[],
  weights: new Weights(),
  details: {} as Record<string, string>,
  warnings: [] as string[],
  nodes: 0,
  hasGraph: false,
})

type Model = ReturnType<typeof newModel>

async function readModelField(cursor: Cursor, field: Field, model: Model): Promise<void> {
  switch (field.number) {
    case 1:
      model.details['IR version'] = String(field.value)
      return
    case 2:
      model.producer = shown(await textOf(cursor, field))
      return
    case 3:
      model.producerVersion = shown(await textOf(cursor, field))
      return
    case 5:
      model.details['model version'] = String(field.value)
      return
    case 6:
      model.details['description'] = shown(await textOf(cursor, field), 1000)
      return
    case 7:
      model.hasGraph = true
      for await (const part of inside(cursor, field)) await readGraphField(cursor, part, model)
      return
    case 8:
      model.opsets.push(await readOpset(cursor, field))
      return
    case 14: {
      const [name, value] = await readPair(cursor, field)
      if (Object.keys(model.details).length < 100) model.details[shown(name, 100)] = shown(value, 1000)
    }
  }
}

async function readGraphField(cursor: Cursor, field: Field, model: Model): Promise<void> {
  switch (field.number) {
    case 1:
      model.nodes += 1
      return
    case 2:
      model.details['graph'] = shown(await textOf(cursor, field))
      return
    case 5: {
      const tensor = await readTensor(cursor, field)
      model.tensors.push(tensor)
      if (model.tensors.length > bounds.items) throw cursor.fail('it holds more tensors than can be')
      model.weights.addTensor(tensor.name, tensor.type, tensor.shape, bytesOfType(tensor.type))
      return
    }
    case 11:
      model.inputs.push(await readValueInfo(cursor, field))
      return
    case 12:
      model.outputs.push(await readValueInfo(cursor, field))
  }
  if (model.inputs.length + model.outputs.length > 2 * bounds.items) throw cursor.fail('it has too many inputs')
}

async function readOpset(cursor: Cursor, field: Field) {
  const opset = { domain: 'ai.onnx', version: 0 }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) opset.domain = shown(await textOf(cursor, part), 100) || 'ai.onnx'
    if (part.number === 2) opset.version = Number(part.value)
  }
  return opset
}

async function readPair(cursor: Cursor, field: Field): Promise<[string, string]> {
  const pair: [string, string] = ['', '']
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) pair[0] = await textOf(cursor, part)
    if (part.number === 2) pair[1] = (await bytesOf(cursor, part, 4 * 1024 * 1024)).toString('utf8')
  }
  return pair
}

async function readTensor(cursor: Cursor, field: Field): Promise<Tensor> {
  const tensor: Tensor = { name: '', type: 'undefined', shape: [], rawBytes: null, place: new Map() }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) for await (const length of numbersOf(cursor, part)) tensor.shape.push(length)
    else if (part.number === 2) tensor.type = typeOf(Number(part.value))
    else if (part.number === 8) tensor.name = shown(await textOf(cursor, part))
    else if (part.number === 9) tensor.rawBytes = part.length
    else if (part.number === 13) tensor.place.set(...(await readPair(cursor, part)))
    if (tensor.shape.length > bounds.dimensions) throw cursor.fail('a tensor has more dimensions than can be')
  }
  if (countOf(tensor.shape) === null) throw cursor.fail(`the tensor ${tensor.name} has a shape that cannot be`)
  return tensor
}

/** Compares what a tensor says of its shape with how many bytes there are of it, here or in a file beside. */
function checkPlace(cursor: Cursor, tensor: Tensor, files: readonly ModelFile[], warnings: string[]): void {
  const valueBytes = bytesOfType(tensor.type)
  const wanted = valueBytes === null ? null : Math.ceil((countOf(tensor.shape) ?? 0) * valueBytes)
  const lies = () => cursor.fail(`of the tensor ${tensor.name}, shape and size do not fit`)
  if (tensor.rawBytes !== null && wanted !== null && tensor.rawBytes !== wanted) throw lies()
  const location = tensor.place.get('location')
  if (location === undefined) return
  if (location.startsWith('/') || location.includes('\\') || location.split('/').includes('..')) {
    throw cursor.fail(`the tensor ${tensor.name} is said to lie outside the model`)
  }
  const folder = cursor.file.path.split('/').slice(0, -1)
  const path = [...folder, ...location.split('/').filter((part) => part !== '' && part !== '.')].join('/')
  const beside = files.find((file) => file.path === path)
  if (!beside) {
    warnings.push(`The file ${shown(location, 200)}, which holds tensors, is not here.`)
    return
  }
  const offset = Number(tensor.place.get('offset') ?? 0)
  const length = Number(tensor.place.get('length') ?? wanted ?? 0)
  if (!(offset >= 0 && length >= 0 && offset + length <= beside.sizeBytes)) {
    throw cursor.fail(`the tensor ${tensor.name} is said to lie beyond the end of ${shown(location, 200)}`)
  }
  if (wanted !== null && length !== wanted) throw lies()
}

async function readValueInfo(cursor: Cursor, field: Field): Promise<ModelTensor> {
  const info: ModelTensor = { name: '', type: 'unknown', shape: null }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) info.name = shown(await textOf(cursor, part))
    if (part.number === 2) Object.assign(info, await readType(cursor, part, 0))
  }
  return info
}

/** `TypeProto`: a tensor, or a sequence, map or optional of something. */
async function readType(cursor: Cursor, field: Field, depth: number): Promise<Pick<ModelTensor, 'type' | 'shape'>> {
  for await (const part of inside(cursor, field, depth)) {
    if (part.number === 1 || part.number === 8) return readTensorType(cursor, part, depth + 1)
    if (part.number === 4 || part.number === 9) {
      const name = part.number === 4 ? 'sequence' : 'optional'
      for await (const inner of inside(cursor, part, depth + 1)) {
        if (inner.number === 1)
          return { type: `${name}(${(await readType(cursor, inner, depth + 2)).type})`, shape: null }
      }
      return { type: name, shape: null }
    }
    if (part.number === 5) return { type: 'map', shape: null }
  }
  return { type: 'unknown', shape: null }
}

async function readTensorType(cursor: Cursor, field: Field, depth: number) {
  let type = 'undefined'
  let shape: ModelTensor['shape'] = null
  for await (const part of inside(cursor, field, depth)) {
    if (part.number === 1) type = typeOf(Number(part.value))
    if (part.number !== 2) continue
    shape = []
    for await (const dimension of inside(cursor, part, depth + 1)) {
      if (dimension.number === 1) shape.push(await readDimension(cursor, dimension, depth + 2))
      if (shape.length > bounds.dimensions) throw cursor.fail('a value has more dimensions than can be')
    }
  }
  return { type, shape }
}

async function readDimension(cursor: Cursor, field: Field, depth: number): Promise<number | string | null> {
  let length: number | string | null = null
  for await (const part of inside(cursor, field, depth)) {
    if (part.number === 1) length = Number(part.value)
    if (part.number === 2) length = shown(await textOf(cursor, part), 100) || null
  }
  return length
}
