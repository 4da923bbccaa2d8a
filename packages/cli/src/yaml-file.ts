import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { systemCode, usageError } from './cli-error.ts'

interface Reading {
  /** What to do about a file that is not as it should be. */
  hint: string
  /** Better words for an issue; undefined: the usual ones. */
  wordsOf?(issue: z.core.$ZodIssue): string | undefined
}

/** Reads a YAML file of this form. Throws a usage error that names file, line and column of what is wrong. */
export async function readYamlFile(
  cwd: string,
  file: string,
  schema: z.ZodType,
  { hint, wordsOf: better }: Reading,
): Promise<Record<string, unknown>> {
  const lines = new LineCounter()
  const text = await read(cwd, file)
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [problem] = document.errors
  if (problem) throw usageError(`${at(problem.pos[0])}: ${problem.message}.`, 'Mend the file: it is not YAML so.')
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  const [issue] = schema.safeParse(value).error?.issues ?? []
  if (!issue) return value as Record<string, unknown>
  const told = better?.(issue)
  const { path, words } = told === undefined ? wordsOf(issue, value) : { path: issue.path, words: told }
  throw usageError(`${at(offsetOf(document.contents, path))}: ${words}.`, hint)
}

async function read(cwd: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8')
  } catch (error) {
    throw usageError(`The file ${file} cannot be read (${systemCode(error) ?? String(error)}).`, 'Check its path.')
  }
}

/** What is wrong, and the path of what it is about. */
function wordsOf(issue: z.core.$ZodIssue, value: unknown): { path: PropertyKey[]; words: string } {
  const name = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return { path: [...issue.path, key], words: `${[name, key].filter(Boolean).join('.')} is not known here` }
  }
  const missing = issue.path.length > 0 && valueAt(value, issue.path) === undefined
  if (missing) return { path: issue.path.slice(0, -1), words: `${name} is missing` }
  return { path: issue.path, words: `${name === '' ? 'this' : name} cannot be so: ${issue.message}` }
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let inner = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null) return undefined
    inner = (inner as Record<PropertyKey, unknown>)[key]
  }
  return inner
}

/** Where the value at a path begins, or its key, or else the nearest that is around it. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number {
  let node: Node | null = isNode(contents) ? contents : null
  let offset = node?.range?.[0] ?? 0
  for (const key of path) {
    const child: { at: unknown; node: unknown } | undefined = isMap(node) ? pairOf(node, key) : itemOf(node, key)
    if (!child) break
    const begin = isNode(child.at) ? child.at.range?.[0] : undefined
    offset = begin ?? offset
    node = isNode(child.node) ? child.node : null
  }
  return offset
}

function pairOf(map: Node, key: PropertyKey): { at: unknown; node: unknown } | undefined {
  const pair = isMap(map) ? map.items.find(({ key: own }) => isScalar(own) && own.value === key) : undefined
  return pair && { at: pair.key, node: pair.value }
}

function itemOf(node: Node | null, key: PropertyKey): { at: unknown; node: unknown } | undefined {
  if (!node || !('items' in node) || !Array.isArray(node.items) || typeof key !== 'number') return undefined
  const item: unknown = node.items[key]
  return item === undefined ? undefined : { at: item, node: item }
}
