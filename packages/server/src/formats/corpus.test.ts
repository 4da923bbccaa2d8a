import { readdirSync, readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Interpretation, ModelGraph } from '@nabla/api/model-format'
import { describe, expect, test } from 'vitest'
import { readGraph } from './graph.ts'
import { interpretModel } from './interpret.ts'
import type { ModelFile, ModelFiles } from './reader.ts'

/** Files that the real frameworks wrote, and what they say of them: see `test/model-corpus/`. */
const corpus = join(import.meta.dirname, '../../../../test/model-corpus')
const names = readdirSync(corpus).filter((name) => statSync(join(corpus, name)).isDirectory())

interface Expected {
  format: string
  producer?: string
  opsets?: { domain: string; version: number }[]
  inputs?: ({ name: string; type: string; shape: unknown[] } | string)[]
  outputs?: ({ name: string; type: string; shape: unknown[] } | string)[]
  layers?: { name: string; type: string; shape?: number[] }[]
  parameters?: number
  details?: Record<string, string>
  nodes?: [string, string][]
  features?: string[]
  trees?: number
  objective?: string
  version?: string
  type?: string
}

async function read(name: string): Promise<{ expected: Expected; found: Interpretation; graph: ModelGraph }> {
  const expected = JSON.parse(readFileSync(join(corpus, name, 'expected.json'), 'utf8')) as Expected
  const files = filesBelow(join(corpus, name, 'model'))
  return { expected, found: await interpretModel(files), graph: await readGraph(files) }
}

const sorted = <T extends { name: string }>(items: readonly T[]): T[] =>
  items.toSorted((a, b) => (a.name < b.name ? -1 : 1))

describe('what a framework wrote is read as the framework reads it', () => {
  test('there is a corpus', () => {
    expect(names.length).toBeGreaterThan(14)
  })

  test.each(names)('%s', async (name) => {
    const { expected, found, graph } = await read(name)
    expect(found.format).toBe(expected.format)
    if (expected.producer) expect(found.producer).toBe(expected.producer)
    if (expected.opsets) expect(found.opsets).toEqual(expected.opsets)
    for (const side of ['inputs', 'outputs'] as const) {
      if (!expected[side]) continue
      if (typeof expected[side][0] === 'string') expect(found[side].map((one) => one.name)).toEqual(expected[side])
      else expect(found[side]).toEqual(expected[side])
    }
    if (expected.parameters !== undefined) expect(found.parameters).toBe(expected.parameters)
    if (expected.layers && !expected.format.startsWith('keras')) {
      const layers = found.layers.map(({ name: own, type, shape }) => ({ name: own, type, shape }))
      expect(sorted(layers)).toEqual(sorted(expected.layers))
      expect(found.layerCount).toBe(expected.layers.length)
    }
    if (expected.details) expect(found.details).toMatchObject(expected.details)
    if (expected.nodes) expect(graph.nodes.map((node) => [node.name, node.type])).toEqual(expected.nodes)
    if (expected.format.startsWith('keras')) {
      const layers = graph.nodes.map(({ name: own, type }) => ({ name: own, type }))
      expect(layers.filter(({ type }) => type !== 'InputLayer')).toEqual(
        expected.layers?.filter(({ type }) => type !== 'InputLayer'),
      )
    }
    if (expected.features) expect(found.inputs.map((one) => one.name)).toEqual(expected.features)
    if (expected.trees)
      expect(found.details).toMatchObject({ trees: String(expected.trees), objective: expected.objective })
    if (expected.type)
      expect(found.pickles.flatMap((one) => one.imports.map((own) => own.name))).toContain(expected.type)
    expect(found.verdict).toBe('clean')
    expect(found.warnings).toEqual([])
  })

  test('branches of a model of Keras lead where they join', async () => {
    const { graph } = await read('keras-branches')
    expect(graph.nodes.find(({ id }) => id === 'joined')?.inputs).toEqual(['left', 'right'])
    expect(graph.nodes.find(({ id }) => id === 'out')?.inputs).toEqual(['joined'])
  })

  test('functions of TensorFlow stand where they are called, and what saves and restores is left out', async () => {
    const { graph } = await read('tensorflow')
    const name = (id: string) => graph.nodes.find((node) => node.id === id)?.name
    const drawn = graph.nodes.map(({ name: own, type, inputs }) => [own, type, inputs.map(name)])
    expect(drawn).toEqual([
      ['bias', 'VarHandleOp', []],
      ['kernel', 'VarHandleOp', []],
      ['serving_default_rows', 'Placeholder', []],
      ['MatMul/ReadVariableOp', 'ReadVariableOp', ['kernel']],
      ['MatMul', 'MatMul', ['serving_default_rows', 'MatMul/ReadVariableOp']],
      ['add/ReadVariableOp', 'ReadVariableOp', ['bias']],
      ['add', 'AddV2', ['MatMul', 'add/ReadVariableOp']],
      ['Identity', 'Identity', ['add']],
      ['Identity', 'Identity', ['Identity']],
    ])
  })

  test('operators of ONNX follow each other', async () => {
    const { graph } = await read('onnx')
    expect(graph.nodes.map(({ inputs }) => inputs)).toEqual([[], ['0'], ['1'], ['2']])
  })
})

/** A folder as a model; files are opened for each read and no more of them is read than is asked for. */
function filesBelow(folder: string): ModelFiles {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = paths.map((entry): ModelFile => {
    const full = join(entry.parentPath, entry.name)
    return {
      path: full.slice(folder.length + 1),
      sizeBytes: statSync(full).size,
      read: (...range) => readPart(full, ...range),
    }
  })
  return { files, complete: true }
}

async function readPart(path: string, start: number, length: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
