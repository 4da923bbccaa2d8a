import type { ModelGraph } from '@nabla/api/model-format'
import { findMain } from './interpret.ts'
import { kerasGraph } from './keras.ts'
import { onnxGraph } from './onnx-graph.ts'
import type { ModelFiles } from './reader.ts'
import { tensorflowGraph } from './tensorflow-graph.ts'

/** The graph of a model, as far as its format has one that can be drawn; else an empty one. Throws `FormatError`. */
export async function readGraph(model: ModelFiles): Promise<ModelGraph> {
  const main = await findMain(model)
  if (main?.format === 'onnx') return onnxGraph(main.file)
  if (main?.format === 'keras' || main?.format === 'keras-h5') return kerasGraph(main.file)
  if (main?.format === 'tensorflow') return tensorflowGraph(main.file)
  return { nodes: [], complete: true }
}
