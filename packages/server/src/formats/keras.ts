import type { ModelGraph, ModelTensor } from '@nabla/api/model-format'
import { type Found, Weights } from './found.ts'
import { bounds, FormatError, isRecord, type ModelFile, parseObject, readWhole, shown } from './reader.ts'
import { madeShape, type Shape } from './keras-outputs.ts'
import { listZip, openEntry } from './zip.ts'
import { type Hdf5, readHdf5 } from './hdf5.ts'

/** Reads a `.keras` archive of Keras 3; `undefined` where the archive is none. */
export async function readKeras(file: ModelFile): Promise<Found | undefined> {
  const config = await configOf(file)
  if (!config) return undefined
  const entries = await listZip(file)
  const about = entries.find(({ name }) => name === 'metadata.json')
  const metadata = about ? await parseEntry(file, await openEntry(file, about)) : {}
  const version = metadata['keras_version']
  const saved = metadata['date_saved']
  const held = entries.find(({ name }) => name === 'model.weights.h5')
  const weights = held ? await readHdf5(await openEntry(file, held)) : undefined
  return {
    ...found(config, weights),
    format: 'keras',
    producer: typeof version === 'string' ? `Keras ${shown(version, 60)}` : 'Keras',
    details: { ...detailsOf(config), ...(typeof saved === 'string' ? { saved: shown(saved, 60) } : {}) },
    warnings: held ? [] : ['It has no `model.weights.h5`: its weights are not known.'],
  }
}

/** Reads a model of Keras in HDF5, as older versions write it; its config is an attribute of the root. */
export async function readKerasH5(file: ModelFile): Promise<Found> {
  const held = await readHdf5(file)
  const text = held.attributes.get('model_config')
  const config = typeof text === 'string' ? parseObject(file, text) : undefined
  const version = held.attributes.get('keras_version')
  return {
    ...found(config, held),
    format: 'keras-h5',
    producer: typeof version === 'string' ? `Keras ${shown(version, 60)}` : 'Keras',
    details: config ? detailsOf(config) : {},
    warnings: config ? [] : ['It has no `model_config`: it holds weights alone.'],
    hasGraph: config !== undefined,
  }
}

/** The layers of a model of Keras and how they follow each other. */
export async function kerasGraph(file: ModelFile): Promise<ModelGraph> {
  const isHdf5 = (await file.read(0, 4)).toString('latin1') === '\u0089HDF'
  const text = isHdf5 ? (await readHdf5(file)).attributes.get('model_config') : undefined
  const config = typeof text === 'string' ? parseObject(file, text) : isHdf5 ? undefined : await configOf(file)
  const layers = config ? layersOf(config) : []
  const names = new Set(layers.map(({ name }) => name))
  const nodes = layers.slice(0, bounds.graphNodes).map(({ name, type, inbound, details }, at) => {
    const before = layers[at - 1]
    const inputs = inbound.length > 0 || !isSequential(config) || !before ? inbound : [before.name]
    return { id: name, name, type, inputs: [...new Set(inputs)].filter((input) => names.has(input)), details }
  })
  return { nodes, complete: layers.length <= bounds.graphNodes }
}

async function configOf(file: ModelFile): Promise<Record<string, unknown> | undefined> {
  const entry = (await listZip(file)).find(({ name }) => name === 'config.json')
  if (!entry) return undefined
  const config = await parseEntry(file, await openEntry(file, entry))
  return typeof config['class_name'] === 'string' ? config : undefined
}

async function parseEntry(file: ModelFile, entry: ModelFile): Promise<Record<string, unknown>> {
  return parseObject({ path: file.path }, (await readWhole(entry)).toString('utf8'))
}

function found(
  config: Record<string, unknown> | undefined,
  held: Hdf5 | undefined,
): Pick<Found, 'inputs' | 'outputs' | 'weights' | 'hasGraph'> {
  const layers = config ? layersOf(config) : []
  const weights = new Weights()
  for (const { path, type, shape, valueBytes } of held?.datasets ?? []) {
    // What an optimizer keeps for itself is none of the model.
    if (/^(optimizer|optimizer_weights)\//.test(path)) continue
    weights.addTensor(shown(path), type, shape, valueBytes)
  }
  return {
    inputs: config ? inputsOf(config, layers) : [],
    outputs: config ? outputsOf(config, layers) : [],
    hasGraph: layers.length > 0,
    ...(held ? { weights } : {}),
  }
}

/** In the order in which the model takes them, which need not be that of its layers. */
function inputsOf(config: Record<string, unknown>, layers: readonly Layer[]): ModelTensor[] {
  const inner = isRecord(config['config']) ? config['config'] : {}
  const inputs = layers.flatMap(({ input }) => input ?? [])
  const order = [...new Set(historiesOf(inner['input_layers'], 0))]
  const place = new Map(order.map((name, at) => [name, at]))
  const placeOf = ({ name }: ModelTensor) => place.get(name) ?? order.length
  return inputs.toSorted((a, b) => placeOf(a) - placeOf(b))
}

/** What the last layer makes, or those that a model of branches ends with. */
function outputsOf(config: Record<string, unknown>, layers: readonly Layer[]): ModelTensor[] {
  const inner = isRecord(config['config']) ? config['config'] : {}
  const last = layers.at(-1)
  const names = isSequential(config) ? last && [last.name] : historiesOf(inner['output_layers'], 0)
  const ends = [...new Set(names)].slice(0, 1000)
  return ends.flatMap((name) => layers.find((layer) => layer.name === name)?.output ?? [])
}

function detailsOf(config: Record<string, unknown>): Record<string, string> {
  const inner = isRecord(config['config']) ? config['config'] : {}
  const layers = layersOf(config)
  const shownLayers = layers.slice(0, 100).map(({ name, type }) => `${name} (${type})`)
  return {
    class: shown(String(config['class_name']), 100),
    ...(typeof inner['name'] === 'string' ? { name: shown(inner['name'], 100) } : {}),
    layers: shownLayers.join(', '),
  }
}

interface Layer {
  name: string
  type: string
  inbound: string[]
  details: Record<string, string>
  input: ModelTensor | null
  output: ModelTensor
}

const isSequential = (config: Record<string, unknown> | undefined): boolean => config?.['class_name'] === 'Sequential'

function layersOf(config: Record<string, unknown>): Layer[] {
  const inner = isRecord(config['config']) ? config['config'] : {}
  const items = Array.isArray(inner['layers']) ? inner['layers'] : []
  if (items.length > bounds.items) throw new FormatError('config.json', 'it has more layers than can be')
  let before: Shape | null = null
  return items.filter(isRecord).map((layer) => {
    const own = isRecord(layer['config']) ? layer['config'] : {}
    const type = shown(textOf(layer['class_name'] ?? ''), 100)
    const name = shown(textOf(layer['name'] ?? own['name'] ?? ''), 200)
    const kept = ['units', 'filters', 'kernel_size', 'activation', 'rate', 'batch_shape', 'pool_size', 'strides']
    const input = type === 'InputLayer' ? { name, type: typeOf(own['dtype']), shape: shapeOf(own) } : null
    before = input ? input.shape : madeShape(layer, type, isSequential(config) ? before : null)
    const told = kept.filter((key) => own[key] !== undefined && own[key] !== null)
    const details = told.map((key) => [key, shown(textOf(own[key]), 100)])
    return {
      name,
      type,
      inbound: [...historiesOf(layer['inbound_nodes'], 0)],
      details: Object.fromEntries(details) as Record<string, string>,
      input,
      // A policy of two types, such as mixed_float16, computes in the one that it names.
      output: { name, type: typeOf(own['dtype']).replace(/^mixed_/, ''), shape: before },
    }
  })
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const typeOf = (value: unknown): string => {
  if (typeof value === 'string') return shown(value, 60)
  const inner = isRecord(value) && isRecord(value['config']) ? value['config']['name'] : undefined
  return typeof inner === 'string' ? shown(inner, 60) : 'float32'
}

function shapeOf(own: Record<string, unknown>): (number | null)[] | null {
  const shape = own['batch_shape'] ?? own['batch_input_shape']
  if (!Array.isArray(shape) || shape.length > bounds.dimensions) return null
  return shape.map((length) => (typeof length === 'number' && Number.isSafeInteger(length) ? length : null))
}

/** Names of the layers before: in Keras 3 `keras_history: [layer, node, tensor]`, before that `[layer, …]` by itself. */
function* historiesOf(value: unknown, depth: number): Generator<string> {
  if (depth > bounds.depth) return
  if (Array.isArray(value)) {
    const [first, second] = value as unknown[]
    if (typeof first === 'string' && typeof second === 'number') yield shown(first, 200)
    else for (const item of value) yield* historiesOf(item, depth + 1)
  } else if (isRecord(value)) {
    const history = value['keras_history']
    if (Array.isArray(history)) yield* historiesOf(history, depth + 1)
    else for (const item of Object.values(value)) yield* historiesOf(item, depth + 1)
  }
}
