import { type Constant, type Graph, type Node, onnxModel } from '@nabla/serve/testing/onnx-model'

/** The models that servers are compared by: random weights, since only the time counts. */

/** 16 numbers in, three probabilities out, by two layers of 64. */
export const tabular = (): Buffer => onnxModel(layered('features', ['batch', 16], denseLayers([16, 64, 64, 3])))

/** Pictures of 96 × 96 pixels in, ten probabilities out: five convolutions, 19 million multiplications. */
export function pictures(): Buffer {
  const channels = [3, 16, 32, 64, 64, 128]
  const parts: Part[] = channels.slice(1).map((to, at) => convolution(channels[at] ?? 0, to, at))
  parts.push({ nodes: [node('GlobalAveragePool'), node('Flatten')], constants: [] }, ...denseLayers([128, 10]))
  return onnxModel(layered('image', ['batch', 3, 96, 96], parts))
}

/** Nodes one after another; the first input and the output of each are named when they are put together. */
interface Part {
  nodes: Node[]
  constants: Constant[]
}

function layered(name: string, shape: (number | string)[], parts: readonly Part[]): Graph {
  const nodes = [...parts.flatMap((part) => part.nodes), node('Softmax')]
  const named = nodes.map((one, at) => ({
    ...one,
    inputs: [at === 0 ? name : `step${at}`, ...one.inputs],
    outputs: [at === nodes.length - 1 ? 'probabilities' : `step${at + 1}`],
  }))
  return {
    inputs: [{ name, type: 'float32', shape }],
    outputs: [
      { name: 'probabilities', type: 'float32', shape: ['batch', parts.at(-1)?.constants.at(-1)?.shape[0] ?? 0] },
    ],
    nodes: named,
    constants: parts.flatMap((part) => part.constants),
  }
}

const node = (op: string, inputs: string[] = [], attributes: Node['attributes'] = {}): Node => ({
  op,
  inputs,
  outputs: [],
  attributes,
})

function denseLayers(sizes: readonly number[]): Part[] {
  return sizes.slice(1).map((to, at) => {
    const from = sizes[at] ?? 0
    const names = [`dense${from}x${to}w${at}`, `dense${from}x${to}b${at}`] as const
    const nodes = [node('Gemm', [...names]), ...(at < sizes.length - 2 ? [node('Relu')] : [])]
    return { nodes, constants: [weights(names[0], [from, to], from), weights(names[1], [to], from)] }
  })
}

function convolution(from: number, to: number, at: number): Part {
  const names = [`conv${at}w`, `conv${at}b`] as const
  const attributes = { kernel_shape: [3, 3], strides: at === 3 ? [1, 1] : [2, 2], pads: [1, 1, 1, 1] }
  return {
    nodes: [node('Conv', [...names], attributes), node('Relu')],
    constants: [weights(names[0], [to, from, 3, 3], from * 9), weights(names[1], [to], from)],
  }
}

/** Values about zero that keep what goes through of one size (He et al., 2015), by a fixed series. */
function weights(name: string, shape: number[], fanIn: number): Constant {
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1))
  const scale = Math.sqrt(6 / fanIn)
  for (let at = 0; at < values.length; at++)
    values[at] = (((at * 2_654_435_761) % 4_294_967_296) / 2_147_483_648 - 1) * scale
  return { name, shape, values }
}
