import { lstatSync, readdirSync, readlinkSync, type Dirent, type Stats } from 'node:fs'
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path'
import { CliError, systemCode } from '../cli-error.ts'
import { type Rules, rulesFor } from './ignore-rules.ts'

/** One thing that goes into the archive. Paths are relative to the workspace, with forward slashes. */
export type Entry =
  | { type: 'folder'; path: string }
  | { type: 'file'; path: string; sizeBytes: number }
  | { type: 'link'; path: string; target: string }

export interface Scan {
  entries: Entry[]
  files: number
  sizeBytes: number
  /** The largest files, largest first; three at most. */
  largest: { path: string; sizeBytes: number }[]
  /** Links that lead out of the workspace: they would lead nowhere in the job. */
  linksOut: string[]
  /** Sockets, devices and names that are no UTF-8. */
  odd: string[]
  /** Left out by Nabla's own rules, such as `.venv`. */
  leftOut: string[]
}

/**
 * Reads what a workspace holds, without the contents. Folders that are left out are not entered. Throws CliError for
 * what cannot be read.
 */
export function scanWorkspace(root: string, patterns: readonly string[]): Scan {
  const scan: Scan = { entries: [], files: 0, sizeBytes: 0, largest: [], linksOut: [], odd: [], leftOut: [] }
  scanFolder(root, '', rulesFor(root, patterns), scan, true)
  return scan
}

/** `wanted`: named by a rule as one to take, so that it goes even if it looks like a virtual environment. */
function scanFolder(root: string, folder: string, above: Rules, scan: Scan, wanted: boolean): void {
  const children = readFolder(root, folder)
  const names = children.map((child) => child.name)
  if (!wanted && names.includes('pyvenv.cfg')) {
    scan.leftOut.push(`${folder}/`)
    return
  }
  if (folder !== '') scan.entries.push({ type: 'folder', path: folder })
  const rules = above.enter(folder, names)
  for (const child of children) {
    const path = folder === '' ? child.name : `${folder}/${child.name}`
    const verdict = rules.test(path, child.isDirectory())
    if (verdict.ignored) {
      if (verdict.byDefault) scan.leftOut.push(child.isDirectory() ? `${path}/` : path)
    } else if (child.isDirectory()) {
      scanFolder(root, path, rules, scan, verdict.wanted)
    } else {
      scanChild(root, path, child, scan)
    }
  }
}

function scanChild(root: string, path: string, child: Dirent, scan: Scan): void {
  if (child.isSymbolicLink()) {
    const target = insideTarget(root, path, readlinkSync(join(root, path)))
    if (target === undefined) scan.linksOut.push(path)
    else scan.entries.push({ type: 'link', path, target })
    return
  }
  const stats = child.isFile() ? lstat(join(root, path)) : undefined
  if (!stats) {
    scan.odd.push(path)
    return
  }
  scan.entries.push({ type: 'file', path, sizeBytes: stats.size })
  scan.files += 1
  scan.sizeBytes += stats.size
  if (stats.size > (scan.largest[2]?.sizeBytes ?? -1)) {
    scan.largest.push({ path, sizeBytes: stats.size })
    scan.largest.sort((a, b) => b.sizeBytes - a.sizeBytes).splice(3)
  }
}

/** Children in the order of their names, so that equal folders make equal archives. */
function readFolder(root: string, folder: string): Dirent[] {
  try {
    const children = readdirSync(join(root, folder), { withFileTypes: true })
    return children.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    throw unreadable(folder === '' ? root : folder, error, 'folder')
  }
}

/** Where a link leads, relative to its own folder, if that is inside the workspace; an absolute one is rewritten. */
function insideTarget(root: string, path: string, target: string): string | undefined {
  const local = isAbsolute(target)
    ? relative(join(root, dirname(path)), target)
        .split(sep)
        .join('/')
    : target
  const reached = posix.normalize(posix.join(posix.dirname(path), local))
  return reached === '..' || reached.startsWith('../') ? undefined : local || '.'
}

/** Undefined: its name is no UTF-8, or it is gone again. */
function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

/** Says which file or folder of the workspace could not be read, and why. */
export function unreadable(path: string, error: unknown, what = 'file'): CliError {
  const code = systemCode(error)
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : (code ?? String(error))
  const hint = 'Make it readable for you, or leave it out: put its name into a file .nablaignore.'
  return new CliError(`The ${what} ${path} cannot be read: ${why}.`, hint, 'failure', error)
}
