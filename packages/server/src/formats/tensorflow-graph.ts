import type { ModelGraph } from '@nabla/api/model-format'
import { type Field, fieldsOf, inside, textOf } from './protobuf.ts'
import { bounds, Cursor, type ModelFile, shown } from './reader.ts'

/**
 * The operators that lead to the outputs of a SavedModel's main signature, in an order in which they can be run. What
 * TensorFlow 2 keeps in functions stands where they are called (tensorflow/core/framework/graph.proto, function.proto).
 */
export async function tensorflowGraph(file: ModelFile): Promise<ModelGraph> {
  const cursor = new Cursor(file)
  const source: Source = { nodes: [], functions: new Map(), ends: new Map() }
  for await (const field of fieldsOf(cursor, file.sizeBytes)) {
    if (field.number !== 2) continue
    for await (const part of inside(cursor, field)) {
      if (part.number === 2) await readGraphDef(cursor, part, source)
      if (part.number === 5) await readSignature(cursor, part, source.ends)
    }
    // The others are the same for another purpose, such as for GPUs.
    break
  }
  const drawing: Drawing = { cursor, source, nodes: [], calls: 0, complete: true }
  const ends = source.ends.get('serving_default') ?? source.ends.values().next().value
  const made = await draw(drawing, ends ? neededFor(ends, source.nodes) : source.nodes, new Map(), 0)
  const wanted = ends?.flatMap((name) => resolve(made, name)) ?? drawing.nodes.map(({ id }) => id)
  const kept = leadingTo(drawing.nodes, wanted)
  const nodes = kept.map((node) => ({ ...node, id: String(node.id), inputs: node.inputs.map(String) }))
  return { nodes, complete: drawing.complete && source.nodes.length < mostRead }
}

interface NodeDef {
  name: string
  op: string
  inputs: string[]
  /** The function that it calls. */
  calls: string | undefined
}

interface FunctionDef {
  /** Names of what it is given, and of what it gives back. */
  takes: string[]
  gives: string[]
  /** By the name of what it gives back: the tensor. */
  returns: Map<string, string>
  nodes: NodeDef[]
}

interface Source {
  nodes: NodeDef[]
  functions: Map<string, Field>
  /** By the name of a signature: the tensors that it ends in. */
  ends: Map<string, string[]>
}

interface Drawing {
  cursor: Cursor
  source: Source
  nodes: DrawnNode[]
  calls: number
  complete: boolean
}

type DrawnNode = Omit<ModelGraph['nodes'][number], 'id' | 'inputs'> & { id: number; inputs: number[] }

/** For each name, and each of its outputs: the nodes that it comes from. */
type Made = Map<string, number[][]>

const isCall = ({ op, calls }: NodeDef): boolean => calls !== undefined && /^(Stateful)?PartitionedCall$/.test(op)

/** Draws nodes, and the functions that they call in their place. */
async function draw(drawing: Drawing, nodes: readonly NodeDef[], given: Made, depth: number): Promise<Made> {
  const made: Made = new Map(given)
  for (const node of inOrder(nodes)) {
    const inputs = node.inputs.filter((name) => !name.startsWith('^')).map((name) => resolve(made, name))
    const called = isCall(node) ? await calledBy(drawing, node, depth) : undefined
    if (called) {
      const taken = new Map(called.takes.map((name, at) => [name, [inputs[at] ?? []]]))
      const inner = await draw(drawing, called.nodes, taken, depth + 1)
      made.set(
        node.name,
        called.gives.map((name) => resolve(inner, called.returns.get(name) ?? '')),
      )
    } else if (drawing.nodes.length === bounds.graphNodes) drawing.complete = false
    else {
      const id = drawing.nodes.length
      drawing.nodes.push({ id, name: node.name, type: node.op, inputs: [...new Set(inputs.flat())], details: {} })
      made.set(node.name, [[id]])
    }
  }
  return made
}

/** The function that a node calls; undefined: it is drawn as it is, for there is none or there were too many. */
async function calledBy(drawing: Drawing, node: NodeDef, depth: number): Promise<FunctionDef | undefined> {
  const place = drawing.source.functions.get(node.calls ?? '')
  if (!place || depth >= bounds.depth || ++drawing.calls > mostCalls) return undefined
  return readFunction(drawing.cursor, place)
}

/** Nodes that are read of one graph or function: fewer of them are drawn. */
const mostRead = 20_000

/** Functions that call functions twice each would never end. */
const mostCalls = 500

/** The nodes that a tensor comes from: `name`, `name:1`, and in functions `name:output:1`. */
function resolve(made: Made, tensor: string): number[] {
  const [name = '', ...rest] = tensor.split(':')
  const outputs = made.get(name) ?? []
  return outputs[Number(rest.at(-1) ?? 0)] ?? outputs[0] ?? []
}

/** Nodes after those that they take from; protobuf keeps them in any order. */
function inOrder(nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const done = new Set<NodeDef>()
  const ordered: NodeDef[] = []
  for (const root of nodes) {
    const stack = [{ node: root, leave: false }]
    for (let top = stack.pop(); top; top = stack.pop()) {
      if (top.leave) ordered.push(top.node)
      if (top.leave || done.has(top.node)) continue
      done.add(top.node)
      stack.push({ node: top.node, leave: true })
      for (const input of top.node.inputs.toReversed()) {
        const before = byName.get(input.split(':')[0]!)
        if (before && !done.has(before)) stack.push({ node: before, leave: false })
      }
    }
  }
  return ordered
}

/** Nodes without which some tensors would not be: what saves and restores weights is not among them. */
function neededFor(tensors: readonly string[], nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const needed = new Set<NodeDef>()
  const names = [...tensors]
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const node = byName.get(name.split(':')[0]!)
    if (!node || needed.has(node)) continue
    needed.add(node)
    names.push(...node.inputs)
  }
  return nodes.filter((node) => needed.has(node))
}

/** The nodes that some of them take from, with those. */
function leadingTo(nodes: readonly DrawnNode[], wanted: readonly number[]): DrawnNode[] {
  const kept = new Set<number>(wanted)
  for (const node of nodes.toReversed()) if (kept.has(node.id)) for (const input of node.inputs) kept.add(input)
  return nodes.filter(({ id }) => kept.has(id))
}

async function readGraphDef(cursor: Cursor, field: Field, { nodes, functions }: Source): Promise<void> {
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) await readNode(cursor, part, nodes)
    if (part.number !== 2) continue
    for await (const one of inside(cursor, part)) {
      if (one.number === 1 && functions.size < bounds.graphNodes) functions.set(await nameOf(cursor, one), one)
    }
  }
}

/** The name of a function, which is in its signature. */
async function nameOf(cursor: Cursor, field: Field): Promise<string> {
  for await (const part of inside(cursor, field)) {
    if (part.number !== 1) continue
    for await (const about of inside(cursor, part)) if (about.number === 1) return textOf(cursor, about)
  }
  return ''
}

async function readFunction(cursor: Cursor, field: Field): Promise<FunctionDef> {
  const found: FunctionDef = { takes: [], gives: [], returns: new Map(), nodes: [] }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) {
      for await (const about of inside(cursor, part)) {
        const list = about.number === 2 ? found.takes : about.number === 3 ? found.gives : undefined
        if (list && list.length < bounds.graphNodes) list.push(await firstText(cursor, about))
      }
    }
    if (part.number === 3) await readNode(cursor, part, found.nodes)
    if (part.number === 4 && found.returns.size < bounds.graphNodes) {
      const [name, tensor] = await readPair(cursor, part)
      found.returns.set(name, tensor)
    }
  }
  return found
}

async function readNode(cursor: Cursor, field: Field, nodes: NodeDef[]): Promise<void> {
  if (nodes.length >= mostRead) return
  const node: NodeDef = { name: '', op: '', inputs: [], calls: undefined }
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) node.name = shown(await textOf(cursor, part))
    if (part.number === 2) node.op = shown(await textOf(cursor, part), 100)
    if (part.number === 3 && node.inputs.length < bounds.graphNodes) node.inputs.push(await textOf(cursor, part))
    if (part.number === 5) node.calls ??= await readCalled(cursor, part)
  }
  nodes.push(node)
}

/** The function that an attribute `f` names. */
async function readCalled(cursor: Cursor, field: Field): Promise<string | undefined> {
  let name = ''
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) name = part.length > 20 ? '' : await textOf(cursor, part)
    if (part.number !== 2 || name !== 'f') continue
    for await (const value of inside(cursor, part)) if (value.number === 10) return firstText(cursor, value)
  }
  return undefined
}

async function readSignature(cursor: Cursor, field: Field, ends: Map<string, string[]>): Promise<void> {
  let name = ''
  const tensors: string[] = []
  for await (const part of inside(cursor, field)) {
    if (part.number === 1) name = await textOf(cursor, part)
    if (part.number !== 2) continue
    for await (const side of inside(cursor, part)) {
      if (side.number !== 2 || tensors.length === bounds.graphNodes) continue
      for await (const about of inside(cursor, side)) {
        if (about.number === 2) tensors.push(await firstText(cursor, about))
      }
    }
  }
  if (name !== '__saved_model_init_op' && ends.size < 100) ends.set(name, tensors)
}

async function firstText(cursor: Cursor, field: Field): Promise<string> {
  for await (const part of inside(cursor, field)) if (part.number === 1) return textOf(cursor, part)
  return ''
}

async function readPair(cursor: Cursor, field: Field): Promise<[string, string]> {
  const pair: [string, string] = ['', '']
  for await (const part of inside(cursor, field)) {
    if (part.number === 1 || part.number === 2) pair[part.number - 1] = await textOf(cursor, part)
  }
  return pair
}
