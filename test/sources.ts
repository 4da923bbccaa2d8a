import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

/** The root of the repository. */
export const root = join(import.meta.dirname, '..')

/** One import, re-export or dynamic import of a module. */
export interface Import {
  /** Path from the root for a module of ours, else the name of a package such as `zod` or `node:fs`. */
  to: string
  /** `import type`: nothing is loaded at run time. */
  typeOnly: boolean
  /** `import()`: loaded when it is needed. */
  dynamic: boolean
}

/** A node of the syntax tree. Its fields differ by `type`: https://github.com/estree/estree */
export interface Node {
  type: string
  start: number
  end: number
  [field: string]: unknown
}

export interface Module {
  /** Path from the root, with forward slashes. */
  path: string
  text: string
  imports: Import[]
  body: Node[]
  /** Tests, and what only tests use: the laws of the product do not all hold for them. */
  forTests: boolean
}

const testOnly =
  /\.test\.ts$|-suite\.ts$|-fixtures?\.ts$|\/testing\/|\/test-bench\.ts$|\/other-user\.ts$|^test\/|^bench\//

/** Every TypeScript module of the repository, parsed. */
export function readModules(): Module[] {
  const files = globSync(['packages/*/src/**/*.{ts,tsx}', 'test/**/*.ts', 'tools/**/*.ts', 'bench/**/*.ts'], {
    cwd: root,
  })
  return files
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
    .map(readModule)
}

function readModule(path: string): Module {
  const text = readFileSync(join(root, path), 'utf8')
  const { program, errors, module } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`)
  const body = program.body as unknown as Node[]
  const imports = body.flatMap((statement) => staticImport(path, statement))
  for (const { moduleRequest } of module.dynamicImports) {
    const to = text.slice(moduleRequest.start + 1, moduleRequest.end - 1)
    imports.push({ to: resolve(path, to), typeOnly: false, dynamic: true })
  }
  return { path, text, imports, body, forTests: testOnly.test(path) }
}

function staticImport(path: string, statement: Node): Import[] {
  const source = statement['source'] as { value: string } | null | undefined
  if (!source) return []
  const typeOnly = statement['importKind'] === 'type' || statement['exportKind'] === 'type'
  return [{ to: resolve(path, source.value), typeOnly, dynamic: false }]
}

/** Where a specifier leads, from the root; packages of ours by the file that they export. */
function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return join(from, '..', specifier).replaceAll('\\', '/')
  const [, name, rest] = /^@nabla\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (name === undefined) return specifier
  const entry = name === 'server' ? 'main' : 'index'
  return `packages/${name}/src/${rest ?? entry}.ts`
}

/** All nodes of a module, outer ones first. */
export function* nodesOf(module: Module): Generator<Node> {
  const stack: unknown[] = module.body.toReversed()
  while (stack.length > 0) {
    const value = stack.pop()
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) stack.push(...value.toReversed())
    else {
      if ('type' in value) yield value as Node
      stack.push(...Object.values(value).toReversed())
    }
  }
}

/** `path:line` of a node, for messages. */
export function placeOf(module: Module, node: Node): string {
  return `${module.path}:${module.text.slice(0, node.start).split('\n').length}`
}

/** The source text of a node. */
export function textOf(module: Module, node: Node | null | undefined): string {
  return node ? module.text.slice(node.start, node.end) : ''
}
