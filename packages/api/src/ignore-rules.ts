/**
 * What stays behind of a folder that is sent as a workspace, whoever sends it. Rules are those of gitignore(5); the last
 * that matches decides, in this order: our defaults, the .gitignore files from the top down, the .nablaignore files
 * likewise.
 */

/** Never part of a workspace, whatever the rules say: history, our own notes and those of an older client. */
export const neverSent: ReadonlySet<string> = new Set(['.git', '.nabla', '.ps_project'])

/** Left out unless a rule such as `!node_modules` in a .nablaignore brings it back: made by tools, made again by them. */
export const cachesOfTools: readonly string[] = [
  '__pycache__/',
  'node_modules/',
  '.ipynb_checkpoints/',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '.DS_Store',
]

/** A file of one of these names stands in a folder that is a virtual environment; it stays unless a rule names it. */
export const environmentMarks: readonly string[] = ['pyvenv.cfg', 'conda-meta']

/** One line of an ignore file. */
export interface IgnoreLine {
  /** As it is matched: relative to the top of all rules. */
  pattern: string
  /** As it was written. */
  written: string
  /** Its number in the file, from 1. */
  line: number
}

/** The lines of an ignore file, rewritten so that they mean the same at the top, `folder` above them ('' for the top). */
export function readIgnoreLines(text: string, folder: string): IgnoreLine[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  return lines.flatMap((written, index) => {
    if (written === '' || written.startsWith('#')) return []
    return [{ pattern: rebase(written, folder), written, line: index + 1 }]
  })
}

// `*.bin` of the folder `data` is `/data/**/*.bin` at the top; `/x` and `a/b` hold in the folder itself alone.
function rebase(line: string, folder: string): string {
  if (folder === '') return line
  const negated = line.startsWith('!')
  const pattern = negated ? line.slice(1) : line
  if (pattern.trim() === '') return line
  const anchored = /\/./.test(pattern.trimEnd())
  const above = folder.replaceAll(/[\\*?[\]!# ]/g, '\\$&')
  return `${negated ? '!' : ''}/${above}/${anchored ? pattern.replace(/^\//, '') : `**/${pattern}`}`
}
