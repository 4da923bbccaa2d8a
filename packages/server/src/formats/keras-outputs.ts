import { bounds, isRecord } from './reader.ts'

export type Shape = (number | null)[]

/**
 * The shape of what a layer of Keras makes, where its config says enough: the layers that models end with, as their
 * documentation describes them (https://keras.io/api/layers/). Null: not known without running it.
 *
 * @param before shape of what comes in, where the layer itself does not say it
 */
export function madeShape(layer: Record<string, unknown>, type: string, before: Shape | null): Shape | null {
  const own = isRecord(layer['config']) ? layer['config'] : {}
  const built = isRecord(layer['build_config']) ? toShape(layer['build_config']['input_shape']) : null
  const input = built ?? cameIn(layer['inbound_nodes'], 0) ?? before
  if (!input) return null
  if (unchanged.has(type)) return input
  const [batch = null] = input
  const units = count(own['units'])
  switch (type) {
    case 'Dense':
      return units === null ? null : [...input.slice(0, -1), units]
    case 'LSTM':
    case 'GRU':
    case 'SimpleRNN':
      if (units === null) return null
      return own['return_sequences'] === true ? [batch, input[1] ?? null, units] : [batch, units]
    case 'Embedding':
      return count(own['output_dim']) === null ? null : [...input, count(own['output_dim'])]
    case 'Flatten': {
      const size = input.slice(1).reduce((product, one) => (product === null || one === null ? null : product * one), 1)
      // Of lengths that lie it is more than a number can be.
      return [batch, count(size)]
    }
    default:
      if (!/^Global(Average|Max)Pooling[123]D$/.test(type) || own['keepdims'] === true) return null
      return own['data_format'] === 'channels_first' ? [batch, input[1] ?? null] : [batch, input.at(-1) ?? null]
  }
}

/** Null for what is no list of lengths. */
export function toShape(value: unknown): Shape | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > bounds.dimensions) return null
  return value.every((one) => one === null || typeof one === 'number') ? value.map(count) : null
}

/** Layers that give every value its place again. */
const unchanged = new Set([
  'Activation',
  'AlphaDropout',
  'BatchNormalization',
  'Dropout',
  'ELU',
  'GaussianNoise',
  'Identity',
  'LayerNormalization',
  'LeakyReLU',
  'Normalization',
  'PReLU',
  'ReLU',
  'Rescaling',
  'Softmax',
])

const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null

/** Of the first tensor that a layer of Keras 3 is called with. */
function cameIn(value: unknown, depth: number): Shape | null {
  if (depth > bounds.depth) return null
  if (isRecord(value) && value['class_name'] === '__keras_tensor__') {
    return isRecord(value['config']) ? toShape(value['config']['shape']) : null
  }
  const inside: unknown[] = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []
  const [first] = inside
  return first === undefined ? null : cameIn(first, depth + 1)
}
