import { type WorkflowSpec, workflowSpec } from '@nabla/api/workflow-spec'

/** Something wrong in a file. */
export interface Fault {
  /** From 1. */
  line: number
  message: string
}

export interface ReadSpec {
  /** Undefined while something is wrong with it. */
  spec: WorkflowSpec | undefined
  faults: Fault[]
}

/** Most of a text that is read: far more than a workflow is. */
const mostCharacters = 1_000_000
const mostFaults = 20

/** Reads the YAML or JSON of a workflow, with the line of all that is wrong in it. */
export async function readSpec(text: string): Promise<ReadSpec> {
  if (text.trim() === '') return { spec: undefined, faults: [] }
  if (text.length > mostCharacters) return { spec: undefined, faults: [{ line: 1, message: 'It is too long.' }] }
  const { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const lineAt = (offset: number) => lines.linePos(offset).line
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, mostFaults).map(({ pos, message }) => ({ line: lineAt(pos[0]), message }))
    return { spec: undefined, faults }
  }
  const parsed = workflowSpec.safeParse(document.toJS({ maxAliasCount: 20 }))
  if (parsed.success) return { spec: parsed.data, faults: [] }
  /** Where the value at a path begins, or its key, or else the nearest that is around it. */
  const offsetOf = (path: readonly PropertyKey[]): number => {
    let node: unknown = document.contents
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    for (const key of path) {
      const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined
      const next: unknown = isSeq(node) && typeof key === 'number' ? node.items[key] : pair?.value
      const begin: unknown = pair?.key ?? next
      if (!isNode(begin)) break
      offset = begin.range?.[0] ?? offset
      node = next
    }
    return offset
  }
  const faults = parsed.error.issues.slice(0, mostFaults).map((issue) => {
    const [stray] = issue.code === 'unrecognized_keys' ? issue.keys : []
    const path = stray === undefined ? issue.path : [...issue.path, stray]
    const where = path.join('.')
    const message = stray === undefined ? issue.message : 'it is not known here'
    return { line: lineAt(offsetOf(path)), message: where === '' ? message : `${where}: ${message}` }
  })
  return { spec: undefined, faults }
}
