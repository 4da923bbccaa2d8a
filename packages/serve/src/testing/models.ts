import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DataType, dataTypes } from '../tensor/types.ts'
import { type Graph, onnxModel } from './onnx-model.ts'

/** Models for tests, each made for one thing that can go wrong. */

/** y = x · W + b, on rows of three. */
export const affine: Graph = {
  inputs: [{ name: 'x', type: 'float32', shape: ['batch', 3] }],
  outputs: [{ name: 'y', type: 'float32', shape: ['batch', 2] }],
  nodes: [
    { op: 'MatMul', inputs: ['x', 'w'], outputs: ['product'] },
    { op: 'Add', inputs: ['product', 'b'], outputs: ['y'] },
  ],
  constants: [
    { name: 'w', shape: [3, 2], values: Float32Array.of(1, 10, 2, 20, 3, 30) },
    { name: 'b', shape: [2], values: Float32Array.of(0.5, 0) },
  ],
}

/** The same with another constant. */
export const affineTwice: Graph = {
  ...affine,
  constants: [affine.constants![0]!, { name: 'b', shape: [2], values: Float32Array.of(100, 0) }],
}

/** Two inputs: their sum. */
export const sum: Graph = {
  inputs: [
    { name: 'a', type: 'float32', shape: ['batch', 2] },
    { name: 'b', type: 'float32', shape: ['batch', 2] },
  ],
  outputs: [{ name: 'sum', type: 'float32', shape: ['batch', 2] }],
  nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
}

/** Every type, handed through. */
export const everyType: Graph = {
  inputs: typed('in'),
  outputs: typed('out'),
  nodes: types().map((type) => ({ op: 'Identity', inputs: [`in_${type}`], outputs: [`out_${type}`] })),
}

/** y = x / 2 + 3: what the samples of TensorFlow Serving are asked of. */
export const halfPlusThree: Graph = {
  inputs: [{ name: 'x', type: 'float32', shape: ['batch'] }],
  outputs: [{ name: 'y', type: 'float32', shape: ['batch'] }],
  nodes: [
    { op: 'Mul', inputs: ['x', 'half'], outputs: ['product'] },
    { op: 'Add', inputs: ['product', 'three'], outputs: ['y'] },
  ],
  constants: [
    { name: 'half', shape: [1], values: Float32Array.of(0.5) },
    { name: 'three', shape: [1], values: Float32Array.of(3) },
  ],
}

/** Looks up an index below four: another one fails. */
export const lookup: Graph = {
  inputs: [{ name: 'index', type: 'int64', shape: ['batch'] }],
  outputs: [{ name: 'value', type: 'float32', shape: ['batch'] }],
  nodes: [{ op: 'Gather', inputs: ['table', 'index'], outputs: ['value'] }],
  constants: [{ name: 'table', shape: [4], values: Float32Array.of(10, 11, 12, 13) }],
}

/** Counts, so many times: takes as long as one wants. */
export const counting: Graph = {
  inputs: [
    { name: 'times', type: 'int64', shape: [] },
    { name: 'start', type: 'float32', shape: [1] },
  ],
  outputs: [{ name: 'end', type: 'float32', shape: [1] }],
  nodes: [
    {
      op: 'Loop',
      inputs: ['times', '', 'start'],
      outputs: ['end'],
      attributes: {
        body: {
          inputs: [
            { name: 'step', type: 'int64', shape: [] },
            { name: 'go', type: 'bool', shape: [] },
            { name: 'now', type: 'float32', shape: [1] },
          ],
          outputs: [
            { name: 'goes', type: 'bool', shape: [] },
            { name: 'next', type: 'float32', shape: [1] },
          ],
          nodes: [
            { op: 'Identity', inputs: ['go'], outputs: ['goes'] },
            { op: 'Add', inputs: ['now', 'one'], outputs: ['next'] },
          ],
          constants: [{ name: 'one', shape: [1], values: Float32Array.of(1) }],
        },
      },
    },
  ],
}

/** Puts a model into a folder of its own; returns the folder. */
export function writeModel(root: string, name: string, graph: Graph): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.onnx'), onnxModel(graph))
  return folder
}

function types(): DataType[] {
  return Object.keys(dataTypes) as DataType[]
}

function typed(prefix: string): Graph['inputs'] {
  return types().map((type) => ({ name: `${prefix}_${type}`, type, shape: ['batch', 2] }))
}
