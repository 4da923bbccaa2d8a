import { type Dirent, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { isAbsolute, join, dirname, posix, relative, sep } from 'node:path'
import { environmentMarks } from '@nabla/api/ignore-rules'
import { comparePaths, type FileChunk } from '@nabla/api/tree-format'
import { CliError, systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import { type Rule, type Rules, rulesFor } from './ignore-rules.ts'
import { listNames } from './names.ts'
import { type Stamp, stampOf } from './stamp.ts'
import { unreadable } from './unreadable.ts'

export interface FileEntry {
  type: 'file'
  path: string
  executable: boolean
  stamp: Stamp
  /** Undefined: it has yet to be read. */
  chunks: readonly FileChunk[] | undefined
  /** Its stamp tells every change since it was read. */
  isSettled: boolean
}

/** One thing that travels. Paths are relative to the workspace, with forward slashes. */
export type Entry = FileEntry | { type: 'folder'; path: string } | { type: 'link'; path: string; target: string }

export interface Scan {
  /** In the order of a tree. */
  entries: Entry[]
  files: number
  sizeBytes: number
  /** What rules leave out; folders end in `/`, and what is in them is not listed. */
  ignored: { path: string; by: Rule }[]
  /** Virtual environments that are left out without a rule; they end in `/`. */
  environments: string[]
  /** Virtual environments that travel, since a rule asks for them or they are the workspace itself. */
  environmentsSent: string[]
  /** Links that lead out of the workspace: they would lead nowhere in the job. */
  linksOut: string[]
  /** Sockets, pipes and devices. */
  special: string[]
  /** Names that are no UTF-8, with `\xNN` for the bytes that are none. */
  notUtf8: string[]
  /** Names that differ only in case, or only in the form of their accents: pairs of paths. */
  alike: { case: [string, string][]; form: [string, string][] }
}

/**
 * Reads what a workspace holds, without the contents. Folders that are left out are not entered. System calls are made
 * one after another: for many small ones that is several times as fast as by way of the thread pool. Throws CliError
 * for what cannot be read, and for folders that are too deep.
 */
export function scanWorkspace(root: string, patterns: readonly string[]): Scan {
  return scanBy(root, rulesFor(root, patterns))
}

/**
 * Reads what a folder of data holds: all of it but our own notes, whatever rules there are for code. Throws as
 * `scanWorkspace`.
 */
export function scanData(root: string): Scan {
  return scanBy(root, rulesOfData)
}

/** The same for one file of a folder. */
export function scanFile(root: string, name: string): Scan {
  const scan = newScan()
  scanChild({ root, scan }, name, lstatSync(join(root, name)))
  return scan
}

/** Our notes in a folder change with each job: data would never be the same again. */
const rulesOfData: Rules = {
  test: (path) => ({ by: path === '.nabla' ? { from: 'always', pattern: path } : undefined, wanted: true }),
  enter: () => rulesOfData,
}

function scanBy(root: string, rules: Rules): Scan {
  const scan = newScan()
  scanFolder({ root, scan }, '', 0, rules, true)
  scan.entries.sort((one, other) => comparePaths(one.path, other.path))
  return scan
}

const newScan = (): Scan => ({
  entries: [],
  files: 0,
  sizeBytes: 0,
  ignored: [],
  environments: [],
  environmentsSent: [],
  linksOut: [],
  special: [],
  notUtf8: [],
  alike: { case: [], form: [] },
})

interface Walk {
  root: string
  scan: Scan
}

/** `wanted`: named by a rule as one to take, so that it goes even if it looks like a virtual environment. */
function scanFolder(walk: Walk, folder: string, depth: number, above: Rules, wanted: boolean): void {
  const { root, scan } = walk
  if (depth > limits.folderDepth || Buffer.byteLength(folder) > limits.pathBytes) throw tooDeep(folder)
  const children = readFolder(root, folder, scan)
  if (!children) return
  const names = children.map((child) => child.name)
  if (environmentMarks.some((mark) => names.includes(mark))) {
    if (!wanted) {
      scan.environments.push(`${folder}/`)
      return
    }
    scan.environmentsSent.push(folder)
  }
  if (folder !== '') scan.entries.push({ type: 'folder', path: folder })
  const rules = above.enter(folder, names)
  const taken: string[] = []
  for (const child of children) {
    const path = folder === '' ? child.name : `${folder}/${child.name}`
    const isFolder = child.isDirectory()
    const verdict = rules.test(path, isFolder)
    if (verdict.by) {
      scan.ignored.push({ path: isFolder ? `${path}/` : path, by: verdict.by })
      continue
    }
    taken.push(child.name)
    if (isFolder) scanFolder(walk, path, depth + 1, rules, verdict.wanted)
    else scanChild(walk, path, child)
  }
  findAlike(scan, folder, taken)
}

function scanChild({ root, scan }: Walk, path: string, child: Pick<Dirent, 'isFile' | 'isSymbolicLink'>): void {
  if (child.isSymbolicLink()) {
    const target = readLink(root, path)
    const inside = target === undefined ? undefined : insideTarget(root, path, target)
    if (inside !== undefined) scan.entries.push({ type: 'link', path, target: inside })
    else if (target !== undefined) scan.linksOut.push(path)
    return
  }
  const stats = child.isFile() ? lstatSync(`${root}/${path}`, { bigint: true, throwIfNoEntry: false }) : undefined
  if (!stats?.isFile()) {
    if (!child.isFile()) scan.special.push(path)
    return
  }
  const sizeBytes = Number(stats.size)
  const executable = (stats.mode & 0o100n) !== 0n
  scan.entries.push({ type: 'file', path, executable, stamp: stampOf(stats), chunks: undefined, isSettled: false })
  scan.files += 1
  scan.sizeBytes += sizeBytes
}

/** Children of a folder whose names are UTF-8; the others are noted. Undefined: the folder is gone again. */
function readFolder(root: string, folder: string, scan: Scan): Dirent[] | undefined {
  try {
    const children = readdirSync(join(root, folder), { withFileTypes: true })
    // What is no UTF-8 is read as U+FFFD, which a name may also have of its own.
    if (!children.some(({ name }) => name.includes('\uFFFD'))) return children
    const { good, bad } = listNames(join(root, folder))
    scan.notUtf8.push(...bad.map((name) => (folder === '' ? name : `${folder}/${name}`)))
    return children.filter(({ name }) => good.delete(name))
  } catch (error) {
    if (folder !== '' && ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(folder === '' ? root : folder, error, 'folder')
  }
}

/** Undefined: gone again. */
function readLink(root: string, path: string): string | undefined {
  try {
    return readlinkSync(join(root, path))
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw unreadable(path, error, 'link')
  }
}

/** Where a link leads, relative to its own folder, if that is inside the workspace; an absolute one is rewritten. */
function insideTarget(root: string, path: string, target: string): string | undefined {
  if (target.includes('\uFFFD')) return undefined
  const local = isAbsolute(target)
    ? relative(join(root, dirname(path)), target)
        .split(sep)
        .join('/')
    : target
  const reached = posix.normalize(posix.join(posix.dirname(path), local))
  return reached === '..' || reached.startsWith('../') ? undefined : local || '.'
}

/** Notes names of one folder that some file systems take for one and the same. */
function findAlike({ alike }: Scan, folder: string, names: readonly string[]): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    const folded = fold(name)
    const other = seen.get(folded)
    seen.set(folded, name)
    if (other === undefined) continue
    const pair = [other, name].map((one) => (folder === '' ? one : `${folder}/${one}`)) as [string, string]
    alike[other.normalize('NFC') === name.normalize('NFC') ? 'form' : 'case'].push(pair)
  }
}

const fold = (name: string): string => (isAscii.test(name) ? name : name.normalize('NFC')).toLowerCase()

const isAscii = /^[\u0000-\u007F]*$/

function tooDeep(folder: string): CliError {
  const start = folder.split('/').slice(0, 3).join('/').slice(0, 80)
  return new CliError(
    `There are too many folders within folders below ${start}: ${limits.folderDepth} are allowed, and ` +
      `${limits.pathBytes} bytes in a path.`,
    `Leave them out: put /${start.split('/')[0]} into a file .nablaignore.`,
  )
}
