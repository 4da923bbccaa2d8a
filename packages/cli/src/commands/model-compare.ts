import type { ModelVersion } from '@nabla/api/model'
import type { Interpretation, ModelGraph } from '@nabla/api/model-format'
import { defineCommand } from '../command.ts'
import { arg } from '../flags.ts'
import { formatBytes } from '../terminal/format.ts'

export const compare = defineCommand({
  name: 'compare',
  about: 'Compare two versions: metrics, inputs and outputs, size, graph, and what made them',
  details: '\nA line that differs has ≠ before it. They may be versions of different models.',
  args: {
    from: arg.required('name, name:3, name@alias or an id', 'model'),
    to: arg.required('the other one', 'model'),
  },
  examples: [{ line: 'model compare digits:2 digits@champion', about: 'side by side' }],
  async run(context, { from, to }) {
    const { out } = context
    const sides = [await read(from), await read(to)]
    if (out.json) return out.value(sides.map(({ version, interpretation }) => ({ ...version, interpretation })))
    const [left = new Map<string, string>(), right = new Map<string, string>()] = sides.map(rowsOf)
    const names = [...new Set([...left.keys(), ...right.keys()])]
    const rows = names.map((name) => ({ name, cells: [left.get(name) ?? '–', right.get(name) ?? '–'] }))
    await out.table(rows, [
      { title: '', rank: 0, value: ({ cells }) => (cells[0] === cells[1] ? '' : '≠') },
      { title: '', rank: 0, value: ({ name }) => name },
      ...sides.map(({ version }, place) => ({
        title: version.reference,
        rank: 0,
        shrinkTo: 14,
        value: ({ cells }: (typeof rows)[number]) => cells[place] ?? '',
      })),
    ])

    async function read(reference: string): Promise<Side> {
      const client = await context.client()
      const version = await client.model.resolve({ reference })
      const which = { model: version.model.id, version: String(version.version) }
      const interpretation = await client.model.interpretation(which)
      const graph = interpretation.hasGraph ? await client.model.graph(which) : null
      return { version, interpretation, graph }
    }
  },
})

interface Side {
  version: ModelVersion
  interpretation: Interpretation
  graph: ModelGraph | null
}

/** What is said of a version, by name, in the order in which it is read. */
function rowsOf({ version, interpretation: read, graph }: Side): Map<string, string> {
  const { lineage } = version
  const tensors = (kind: string, items: Interpretation['inputs']): [string, string][] =>
    items.map(({ name, type, shape }) => [
      `${kind} ${name}`,
      `${type}${shape ? ` [${shape.map((one) => one ?? '?').join(', ')}]` : ''}`,
    ])
  const rows: [string, string | null | undefined][] = [
    ...version.metrics.map(({ name, value }): [string, string] => [name, String(value)]),
    ['format', [read.format, read.producer].filter(Boolean).join(', ')],
    ...tensors('input', read.inputs),
    ...tensors('output', read.outputs),
    ['parameters', read.parameters?.toLocaleString('en-US')],
    ['tensors', String(read.layerCount)],
    ['graph', graph && graphWords(graph)],
    ['size', formatBytes(version.sizeBytes)],
    ['scan', read.verdict],
    ['made by', lineage.job?.name ?? version.source],
    ['code', (lineage.commit ?? lineage.workspaceDigest)?.slice(0, 12)],
    ...lineage.datasets.map((one): [string, string] => [`data ${one.name}`, `version ${one.version}`]),
    ['digest', version.digest?.slice(0, 12)],
  ]
  return new Map(rows.flatMap(([name, value]) => (value == null ? [] : [[name, value]])))
}

/** As in `4 nodes: 2 Gemm, ArgMax, Relu`. */
function graphWords({ nodes }: ModelGraph): string {
  const counts = Map.groupBy(nodes, ({ type }) => type)
  const types = [...counts].map(([type, of]) => (of.length === 1 ? type : `${of.length} ${type}`)).toSorted()
  return `${nodes.length} nodes: ${types.slice(0, 5).join(', ')}`
}
