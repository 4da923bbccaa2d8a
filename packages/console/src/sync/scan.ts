import { cachesOfTools, environmentMarks, neverSent, readIgnoreLines } from '@nabla/api/ignore-rules'
import { comparePaths } from '@nabla/api/tree-format'
import ignore, { type Ignore } from 'ignore'
import type { PickedFile, PickedFolder } from './picked.ts'

/** Something that travels; paths are relative to the folder that was chosen. */
export type ScanEntry = { type: 'file'; path: string; file: File } | { type: 'folder'; path: string }

/** What a folder holds that would travel, and what stays. */
export interface Scan {
  /** In the order of a tree. */
  entries: ScanEntry[]
  files: number
  sizeBytes: number
  /** What stays; folders end in `/`, and what is in them is not listed. `why` is the rule, as it is written. */
  left: { path: string; why: string }[]
  /** What the browser could not read. */
  unreadable: string[]
}

/** Folders within folders, and bytes of a path: what the server takes. */
const mostFolders = 250
const mostPathBytes = 3072
/** Ignore files larger than this are a mistake. */
const mostRulesBytes = 1024 * 1024

/** Looks at all of a folder but what rules leave out; those folders are not entered. Throws when told to stop. */
export async function scanFolder(
  folder: PickedFolder,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<Scan> {
  const scan: Scan = { entries: [], files: 0, sizeBytes: 0, left: [], unreadable: [] }
  await scanInside({ scan, signal }, folder, '', 0, { git: [], nabla: [], patterns }, true)
  scan.entries.sort((one, other) => comparePaths(one.path, other.path))
  return scan
}

interface Walk {
  scan: Scan
  signal: AbortSignal
}

interface Layers {
  git: readonly string[]
  nabla: readonly string[]
  patterns: readonly string[]
}

async function scanInside(
  walk: Walk,
  folder: PickedFolder,
  path: string,
  depth: number,
  above: Layers,
  wanted: boolean,
): Promise<void> {
  const { scan, signal } = walk
  signal.throwIfAborted()
  if (depth > mostFolders || new TextEncoder().encode(path).byteLength > mostPathBytes) {
    scan.left.push({ path: `${path}/`, why: 'too deep' })
    return
  }
  const children = await folder.children().catch(() => void scan.unreadable.push(`${path}/`))
  if (!children) return
  const names = new Set([...children.files, ...children.folders].map(({ name }) => name))
  if (!wanted && environmentMarks.some((mark) => names.has(mark))) {
    scan.left.push({ path: `${path}/`, why: 'a virtual environment' })
    return
  }
  if (path !== '') scan.entries.push({ type: 'folder', path })
  const layers = await withRulesOf(children.files, path, above)
  const { test, isWanted } = matcherOf(layers)
  const below = (name: string) => (path === '' ? name : `${path}/${name}`)
  for (const file of children.files) {
    const why = test(below(file.name), file.name)
    if (why !== undefined) scan.left.push({ path: below(file.name), why })
    else await scanFile(scan, file, below(file.name))
  }
  for (const child of children.folders) {
    const why = test(`${below(child.name)}/`, child.name)
    if (why !== undefined) scan.left.push({ path: `${below(child.name)}/`, why })
    else await scanInside(walk, child, below(child.name), depth + 1, layers, isWanted(`${below(child.name)}/`))
  }
}

async function scanFile(scan: Scan, picked: PickedFile, path: string): Promise<void> {
  const file = await picked.read().catch(() => undefined)
  if (!file) {
    scan.unreadable.push(path)
    return
  }
  scan.entries.push({ type: 'file', path, file })
  scan.files += 1
  scan.sizeBytes += file.size
}

async function withRulesOf(files: readonly PickedFile[], folder: string, above: Layers): Promise<Layers> {
  const read = async (name: string) => {
    const file = await files
      .find((one) => one.name === name)
      ?.read()
      .catch(() => undefined)
    if (!file || file.size > mostRulesBytes) return []
    return readIgnoreLines(await file.text(), folder).map(({ pattern }) => pattern)
  }
  const [git, nabla] = [await read('.gitignore'), await read('.nablaignore')]
  if (git.length === 0 && nabla.length === 0) return above
  return { ...above, git: [...above.git, ...git], nabla: [...above.nabla, ...nabla] }
}

const matchers = new WeakMap<Layers, Ignore>()

function matcherOf(layers: Layers) {
  const { git, nabla, patterns } = layers
  const matcher =
    matchers.get(layers) ?? ignore({ ignorecase: false }).add([...cachesOfTools, ...git, ...nabla, ...patterns])
  matchers.set(layers, matcher)
  return {
    /** The rule that leaves a path out. A folder ends in `/`. */
    test(path: string, name: string): string | undefined {
      if (neverSent.has(name)) return name
      const { ignored, rule } = matcher.test(path)
      return ignored ? (rule?.pattern ?? 'a rule') : undefined
    },
    isWanted: (path: string): boolean => matcher.test(path).unignored,
  }
}
