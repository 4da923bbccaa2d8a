import type { ModelGraph } from '@nabla/api/model-format'
import { type Field, fieldsOf, inside, textOf } from './protobuf.ts'
import { bounds, Cursor, type ModelFile, shown } from './reader.ts'

/** The operators of a model of ONNX, in the order of the file, which is one in which they can be run. */
export async function onnxGraph(file: ModelFile): Promise<ModelGraph> {
  const cursor = new Cursor(file)
  const nodes: Node[] = []
  let complete = true
  for await (const field of fieldsOf(cursor, file.sizeBytes)) {
    if (field.number !== 7) continue
    for await (const part of inside(cursor, field)) {
      if (part.number !== 1) continue
      if (nodes.length === bounds.graphNodes) complete = false
      else nodes.push(await readNode(cursor, part))
    }
  }
  const makers = new Map(nodes.flatMap(({ outputs }, index) => outputs.map((name) => [name, index])))
  const shownNodes = nodes.map(({ name, type, domain, inputs }, index) => ({
    id: String(index),
    name: name || `${type} ${index}`,
    type,
    inputs: [...new Set(inputs.flatMap((input) => makers.get(input) ?? []))].filter((at) => at !== index).map(String),
    details: domain ? { domain } : {},
  }))
  return { nodes: shownNodes, complete }
}

interface Node {
  name: string
  type: string
  domain: string
  inputs: string[]
  outputs: string[]
}

async function readNode(cursor: Cursor, field: Field): Promise<Node> {
  const node: Node = { name: '', type: '', domain: '', inputs: [], outputs: [] }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1 && node.inputs.length < bounds.graphNodes) node.inputs.push(await textOf(cursor, part))
    else if (part.number === 2 && node.outputs.length < bounds.graphNodes) node.outputs.push(await textOf(cursor, part))
    else if (part.number === 3) node.name = shown(await textOf(cursor, part))
    else if (part.number === 4) node.type = shown(await textOf(cursor, part), 100)
    else if (part.number === 7) node.domain = shown(await textOf(cursor, part), 100)
  }
  return node
}
