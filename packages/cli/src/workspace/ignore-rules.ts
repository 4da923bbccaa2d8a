import { hash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { cachesOfTools, environmentMarks, neverSent, readIgnoreLines } from '@nabla/api/ignore-rules'
import ignore, { type Ignore } from 'ignore'
import { CliError, systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'

/** Where a rule stands. `always`: no rule of the user's can change it. */
export type Rule =
  | { from: 'file'; pattern: string; file: string; line: number }
  | { from: 'option' | 'default' | 'always'; pattern: string }

/** What the rules say about one path. */
export interface Verdict {
  /** The rule that it is left out by; undefined: it goes. */
  by: Rule | undefined
  /** A rule names it as one to take. */
  wanted: boolean
}

/**
 * The rules for one folder and what is below it. Rules are those of gitignore(5). The last that matches decides, in
 * this order: our defaults, .git/info/exclude, the .gitignore files from the top of the repository down, the
 * .nablaignore files likewise, and the patterns of `--ignore`.
 */
export interface Rules {
  /** Says which rules these are: others have another one. */
  readonly tag: number
  /** `path`: relative to the workspace. */
  test(path: string, isFolder: boolean): Verdict
  /** The rules inside `folder`, with those of its own files added. */
  enter(folder: string, names: readonly string[]): Rules
}

/** Files of a folder that rules stand in. */
export const ruleFiles: readonly string[] = ['.gitignore', '.nablaignore']

/** The rules that hold at the top of a workspace. `patterns`: those of `--ignore`. */
export function rulesFor(root: string, patterns: readonly string[]): Rules {
  const top = findRepository(root)
  const layers: Layers = {
    git: [],
    nabla: [],
    patterns: patterns.map((pattern) => ({ pattern, rule: { from: 'option', pattern } })),
  }
  if (top === undefined) return new RulesHere(root, '', layers)
  const prefix = relative(top, root).split(sep).join('/')
  layers.git.push(...readRules(join(top, '.git', 'info', 'exclude'), ''))
  let above = ''
  for (const name of prefix === '' ? [] : prefix.split('/')) {
    layers.git.push(...readRules(join(top, above, '.gitignore'), above))
    layers.nabla.push(...readRules(join(top, above, '.nablaignore'), above))
    above = above === '' ? name : `${above}/${name}`
  }
  const inRepository = new RulesHere(top, prefix === '' ? '' : `${prefix}/`, layers)
  // A folder that its repository ignores is a workspace all the same: then only its own rules count.
  if (prefix !== '' && inRepository.hides(prefix)) return new RulesHere(root, '', { ...layers, git: [], nabla: [] })
  return inRepository
}

/** The same rules, by which the file at this path never goes. */
export function rulesWithout(rules: Rules, path: string): Rules {
  return {
    tag: tagOf([rules.tag, path]),
    test: (tested, isFolder) =>
      tested === path ? { by: { from: 'always', pattern: path }, wanted: false } : rules.test(tested, isFolder),
    enter: (folder, names) => rulesWithout(rules.enter(folder, names), path),
  }
}

interface Line {
  /** As it is matched: from the top of all rules on. */
  pattern: string
  /** As it was written. */
  rule: Rule
}

interface Layers {
  git: readonly Line[] & Line[]
  nabla: readonly Line[] & Line[]
  patterns: readonly Line[]
}

const defaults: readonly Line[] = cachesOfTools.map((pattern) => ({ pattern, rule: { from: 'default', pattern } }))

class RulesHere implements Rules {
  readonly #base: string
  readonly #prefix: string
  readonly #layers: Layers
  readonly #lines: readonly Line[]
  #matcher: Ignore
  #tests = 0
  #tag: number | undefined

  get tag(): number {
    this.#tag ??= tagOf([this.#prefix, [...neverSent], environmentMarks, this.#lines.map(({ pattern }) => pattern)])
    return this.#tag
  }

  /** `prefix`: path of the workspace below `base`, the folder that the rules are relative to; '' or ending in `/`. */
  constructor(base: string, prefix: string, layers: Layers) {
    this.#base = base
    this.#prefix = prefix
    this.#layers = layers
    this.#lines = [...defaults, ...layers.git, ...layers.nabla, ...layers.patterns]
    this.#matcher = newMatcher(this.#lines)
  }

  test(path: string, isFolder: boolean): Verdict {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (neverSent.has(name)) return { by: { from: 'always', pattern: name }, wanted: false }
    // It keeps every answer that it gave: that is 30 MB for 100,000 files.
    if (++this.#tests % limits.rulesMemory === 0) this.#matcher = newMatcher(this.#lines)
    const { ignored, rule, unignored } = this.#matcher.test(`${this.#prefix}${path}${isFolder ? '/' : ''}`)
    return { by: ignored ? this.#lines[Number(rule?.mark)]?.rule : undefined, wanted: unignored }
  }

  enter(folder: string, names: readonly string[]): Rules {
    const inside = `${this.#prefix}${folder}`.replace(/\/$/, '')
    const git = names.includes('.gitignore') ? readRules(join(this.#base, inside, '.gitignore'), inside) : []
    const nabla = names.includes('.nablaignore') ? readRules(join(this.#base, inside, '.nablaignore'), inside) : []
    if (git.length === 0 && nabla.length === 0) return this
    const { git: gitAbove, nabla: nablaAbove, patterns } = this.#layers
    const layers = { git: [...gitAbove, ...git], nabla: [...nablaAbove, ...nabla], patterns }
    return new RulesHere(this.#base, this.#prefix, layers)
  }

  /** Whether the folder at `path`, relative to the base, is left out. */
  hides(path: string): boolean {
    return this.#matcher.test(`${path}/`).ignored
  }
}

/** 48 bits of a hash, which a number holds. */
const tagOf = (rules: unknown): number => Number.parseInt(hash('sha256', JSON.stringify(rules)).slice(0, 12), 16)

const newMatcher = (lines: readonly Line[]): Ignore =>
  ignore({ ignorecase: false }).add(lines.map(({ pattern }, index) => ({ pattern, mark: String(index) })))

/** The lines of an ignore file, rewritten so that they mean the same at the top, `folder` above them. */
function readRules(file: string, folder: string): Line[] {
  let text: string
  try {
    if (statSync(file).size > limits.ignoreFileBytes) {
      throw new CliError(`The file ${file} is too large for a list of patterns.`, 'Check that it is what it should be.')
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    // ENOTDIR: in a worktree and a submodule `.git` is a file. EISDIR: a folder of that name is no list, and ELOOP: nor
    // is a link that leads in a circle.
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return []
    if (error instanceof CliError) throw error
    throw new CliError(`The file ${file} cannot be read (${systemCode(error)}).`, 'Check its owner and its mode.')
  }
  return readIgnoreLines(text, folder).map(({ pattern, written, line }) => ({
    pattern,
    rule: { from: 'file', pattern: written, file, line },
  }))
}

/** The folder with `.git` at or above `folder`. */
function findRepository(folder: string): string | undefined {
  for (let here = folder; ; here = dirname(here)) {
    if (existsSync(join(here, '.git'))) return here
    if (here === dirname(here)) return undefined
  }
}
