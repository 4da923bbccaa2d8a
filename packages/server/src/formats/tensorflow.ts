import type { ModelTensor } from '@nabla/api/model-format'
import { bytesOfType, type Found, Weights } from './found.ts'
import { type Field, fieldsOf, inside, textOf } from './protobuf.ts'
import { bounds, Cursor, type ModelFile, type ModelFiles, shown } from './reader.ts'
import { readTable } from './sorted-table.ts'

/** `DataType` of tensorflow/core/framework/types.proto, as NumPy calls them. */
const types = (
  'invalid float32 float64 int32 uint8 int16 int8 string complex64 int64 bool qint8 quint8 qint32 ' +
  'bfloat16 qint16 quint16 uint16 complex128 float16 resource variant uint32 uint64'
).split(' ')
const typeOf = (value: bigint): string => types[Number(value)] ?? `type ${value}`

/** Reads a SavedModel of TensorFlow: its signatures, and the names and shapes of its variables. */
export async function readSavedModel(file: ModelFile, { files }: Pick<ModelFiles, 'files'>): Promise<Found> {
  const cursor = new Cursor(file)
  const model = newModel()
  for await (const field of fieldsOf(cursor, file.sizeBytes)) {
    if (field.number === 1) model.details['schema version'] = String(field.value)
    if (field.number === 2) for await (const part of inside(cursor, field)) await readMetaGraph(cursor, part, model)
  }
  const folder = file.path.split('/').slice(0, -1).join('/')
  const path = `${folder === '' ? '' : `${folder}/`}variables/variables.index`
  const index = files.find((other) => other.path === path)
  const weights = new Weights()
  if (index) await readVariables(index, weights)
  const main = model.signatures.get('serving_default') ?? model.signatures.values().next().value
  if (model.signatures.size > 0) model.details['signatures'] = [...model.signatures.keys()].slice(0, 50).join(', ')
  return {
    format: 'tensorflow',
    producer: model.version ? `TensorFlow ${model.version}` : null,
    inputs: main?.inputs ?? [],
    outputs: main?.outputs ?? [],
    details: model.details,
    hasGraph: model.hasGraph,
    ...(index ? { weights } : {}),
    warnings: index ? [] : ['It has no `variables/variables.index`: its weights are not known.'],
  }
}

interface Signature {
  inputs: ModelTensor[]
  outputs: ModelTensor[]
}

const newModel = () => ({
  version: '',
  signatures: new Map<string, Signature>(),
  details: {} as Record<string, string>,
  hasGraph: false,
})

async function readMetaGraph(cursor: Cursor, field: Field, model: ReturnType<typeof newModel>): Promise<void> {
  if (field.number === 1) {
    const tags: string[] = []
    for await (const part of inside(cursor, field)) {
      if (part.number === 4 && tags.length < 20) tags.push(shown(await textOf(cursor, part), 60))
      if (part.number === 5) model.version = shown(await textOf(cursor, part), 60)
    }
    if (tags.length > 0) model.details['tags'] = tags.join(', ')
  }
  if (field.number === 2) model.hasGraph = field.length > 0
  if (field.number !== 5) return
  let name = ''
  const signature: Signature = { inputs: [], outputs: [] }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) name = shown(await textOf(cursor, part), 100)
    if (part.number !== 2) continue
    for await (const side of inside(cursor, part)) {
      if (side.number === 1) signature.inputs.push(await readTensorInfo(cursor, side))
      if (side.number === 2) signature.outputs.push(await readTensorInfo(cursor, side))
      if (signature.inputs.length + signature.outputs.length > bounds.layers)
        throw cursor.fail('it has too many inputs')
    }
  }
  // One that every SavedModel has, for its start alone.
  if (name === '__saved_model_init_op') return
  signature.inputs.sort(byName)
  signature.outputs.sort(byName)
  model.signatures.set(name, signature)
}

const byName = (a: ModelTensor, b: ModelTensor): number => (a.name < b.name ? -1 : 1)

async function readTensorInfo(cursor: Cursor, field: Field): Promise<ModelTensor> {
  const info: ModelTensor = { name: '', type: 'unknown', shape: null }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) info.name = shown(await textOf(cursor, part))
    if (part.number !== 2) continue
    for await (const about of inside(cursor, part)) {
      if (about.number === 2) info.type = typeOf(about.value)
      if (about.number === 3) info.shape = await readShape(cursor, about)
    }
  }
  return info
}

async function readShape(cursor: Cursor, field: Field): Promise<(number | null)[] | null> {
  const shape: (number | null)[] = []
  let isKnown = true
  for await (const part of inside(cursor, field)) {
    if (part.number === 3) isKnown = part.value === 0n
    if (part.number !== 2) continue
    // A length of zero is left out by protobuf.
    let length = 0
    for await (const about of inside(cursor, part)) if (about.number === 1) length = Number(about.value)
    shape.push(length < 0 ? null : length)
    if (shape.length > bounds.dimensions) throw cursor.fail('a value has more dimensions than can be')
  }
  return isKnown ? shape : null
}

/** The index of a checkpoint: a sorted table of `BundleEntryProto`, tensorflow/core/protobuf/tensor_bundle.proto. */
async function readVariables(index: ModelFile, weights: Weights): Promise<void> {
  for await (const { key, value } of readTable(index)) {
    // The first entry is about the whole.
    if (key === '') continue
    const entry = { path: `${index.path} (${key})`, sizeBytes: value.length, read: rangeOf(value) }
    const cursor = new Cursor(entry)
    let type = 'unknown'
    let shape: (number | null)[] = []
    for await (const field of fieldsOf(cursor, value.length)) {
      if (field.number === 1) type = typeOf(field.value)
      if (field.number === 2) shape = (await readShape(cursor, field)) ?? []
    }
    // Texts are what TensorFlow notes for itself, such as the graph of objects.
    if (type === 'string') continue
    weights.addTensor(
      shown(key),
      type,
      shape.map((length) => length ?? 0),
      bytesOfType(type),
    )
  }
}

const rangeOf =
  (value: Buffer) =>
  async (start: number, length: number): Promise<Buffer> =>
    value.subarray(start, start + length)
