import { type Dirent, lstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { environmentMarks } from '@nabla/api/ignore-rules'
import { comparePaths, type FileChunk } from '@nabla/api/tree-format'
import { CliError, systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import { type Rule, ruleFiles, type Rules, rulesFor, rulesWithout } from './ignore-rules.ts'
import { insideTarget, readLink } from './links.ts'
import { listNames } from './names.ts'
import { keepsFolderTimes } from './folder-times.ts'
import { entryKinds, RememberedFile, type StatCache } from './stat-cache.ts'
import { loadStatCache, statCacheFile } from './stat-cache-file.ts'
import { isSettled, type Stamp, stampOf } from './stamp.ts'
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
  /** Where it stands in what is remembered, if it is still the one that it was. */
  place: number | undefined
  /** The same of one that changed. */
  formerPlace: number | undefined
}

export interface FolderEntry {
  type: 'folder'
  path: string
  place: number | undefined
  /** Undefined where the next look has to list it anew. */
  listing: Listing | undefined
}

/** What tells that a folder still holds the same names, of which each travels: its stamp, and the rules in force. */
export interface Listing {
  stamp: Stamp
  rulesTag: number
}

/** One thing that travels. Paths are relative to the workspace, with forward slashes. */
export type Entry = FileEntry | FolderEntry | { type: 'link'; path: string; target: string }

export interface Scan {
  /** What was known of the folder, and where that is written down; undefined: nowhere. */
  memory: StatCache
  cacheFile: string | undefined
  /** The workspace itself. */
  top: FolderEntry | undefined
  /** Names that were listed anew and need not be the next time. */
  learnt: number
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

/** Without it nothing is remembered. */
export interface ScanOptions {
  /** Where the CLI keeps what it can make again. */
  cacheFolder: string
  /** Where the keys of the user are: they stay here, whatever rules there are. */
  keyFile?: string
  now(): number
}

/**
 * Reads what a workspace holds, without the contents. Folders that are left out are not entered, and those that are as
 * they were the last time not listed again. System calls are made one after another: for many small ones that is
 * several times as fast as by way of the thread pool. Throws CliError for what cannot be read, and for folders that are
 * too deep.
 */
export function scanWorkspace(root: string, patterns: readonly string[], options?: ScanOptions): Scan {
  return scanBy(root, withoutKeys(rulesFor(root, patterns), root, options), options)
}

/**
 * Reads what a folder of data holds: all of it but our own notes, whatever rules there are for code. Throws as
 * `scanWorkspace`.
 */
export function scanData(root: string, options?: ScanOptions): Scan {
  return scanBy(root, withoutKeys(rulesOfData, root, options), options)
}

/** The same for one file of a folder. */
export function scanFile(root: string, name: string, options?: ScanOptions): Scan {
  const walk = startWalk(root, options)
  scanChild(walk, name, lstatSync(join(root, name)), new Places(walk.scan.memory, walk.scan.memory.top).of(name))
  return walk.scan
}

/** Our notes in a folder change with each job: data would never be the same again. */
const rulesOfData: Rules = {
  tag: 0,
  test: (path) => ({ by: path === '.nabla' ? { from: 'always', pattern: path } : undefined, wanted: true }),
  enter: () => rulesOfData,
}

function withoutKeys(rules: Rules, root: string, options: ScanOptions | undefined): Rules {
  const path = options?.keyFile === undefined ? '..' : relative(root, options.keyFile).split(sep).join('/')
  return path.startsWith('../') || path === '..' || isAbsolute(path) ? rules : rulesWithout(rules, path)
}

function scanBy(root: string, rules: Rules, options: ScanOptions | undefined): Scan {
  const walk = startWalk(root, options)
  const { scan } = walk
  scanFolder(walk, { folder: '', place: scan.memory.top, depth: 0, above: rules, isWanted: () => true })
  scan.entries = inOrder(scan.entries, scan.memory)
  return scan
}

function startWalk(root: string, options: ScanOptions | undefined): Walk {
  const cacheFile = options && statCacheFile(options.cacheFolder, root)
  const device = options && keepsFolderTimes(root) ? statSync(root, { throwIfNoEntry: false })?.dev : undefined
  return { root, scan: newScan(cacheFile), startedMs: options?.now() ?? 0, device }
}

const newScan = (cacheFile: string | undefined): Scan => ({
  memory: loadStatCache(cacheFile),
  cacheFile,
  top: undefined,
  learnt: 0,
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
  startedMs: number
  /** The file system whose folders tell by their times what changed in them; undefined: this one's may not. */
  device: number | undefined
}

interface Visit {
  folder: string
  /** Where it stands in what is remembered. */
  place: number | undefined
  depth: number
  /** The rules that are in force above it. */
  above: Rules
  /** Named by a rule as one to take, so that it goes even if it looks like a virtual environment. */
  isWanted(): boolean
}

/** False: it does not travel, or is gone again. */
function scanFolder(walk: Walk, visit: Visit): boolean {
  const { folder, place, depth } = visit
  if (depth > limits.folderDepth || Buffer.byteLength(folder) > limits.pathBytes) throw tooDeep(folder)
  // Before it is listed: what changes from then on, changes its times.
  const stamp = folderStamp(walk, folder)
  if (stamp && place !== undefined && scanRemembered(walk, visit, place, stamp)) return true
  return listFolder(walk, visit, stamp)
}

/** Undefined: it tells nothing. */
function folderStamp({ root, device }: Walk, folder: string): Stamp | undefined {
  const stats = device === undefined ? undefined : lstatSync(`${root}/${folder}`, { throwIfNoEntry: false })
  return stats?.isDirectory() && stats.dev === device ? stampOf(stats) : undefined
}

/** What is in a folder that holds the same names as it did. False: it has to be listed. */
function scanRemembered(walk: Walk, { folder, depth, above }: Visit, place: number, stamp: Stamp): boolean {
  const { scan, root } = walk
  const { memory } = scan
  const start = folder === '' ? 0 : folder.length + 1
  const children = memory.childrenOf(place)
  const hasRules = children.some((child) => ruleFiles.includes(memory.pathAt(child).slice(start)))
  const rules = hasRules ? above.enter(folder, ruleFiles) : above
  if (!memory.isListed(place, stamp, rules.tag)) return false
  const entry = addFolder(scan, folder, place, { stamp, rulesTag: rules.tag })
  let isWhole = true
  for (const child of children) {
    const path = memory.pathAt(child)
    const isFolder = memory.kindAt(child) === entryKinds.folder
    const isWanted = () => rules.test(path, true).wanted
    const isTaken = isFolder
      ? scanFolder(walk, { folder: path, place: child, depth: depth + 1, above: rules, isWanted })
      : addFile(scan, path, lstatSync(`${root}/${path}`, { throwIfNoEntry: false }), child)
    isWhole &&= isTaken
  }
  // What no longer travels is forgotten, though it is still in here.
  if (!isWhole) entry.listing = undefined
  return true
}

function listFolder(walk: Walk, visit: Visit, stamp: Stamp | undefined): boolean {
  const { root, scan } = walk
  const { folder, place, depth, above, isWanted } = visit
  const oddBefore = scan.notUtf8.length
  const children = readFolder(root, folder, scan)
  if (!children) return false
  const names = children.map((child) => child.name)
  const isEnvironment = environmentMarks.some((mark) => names.includes(mark))
  if (isEnvironment && !isWanted()) {
    scan.environments.push(`${folder}/`)
    return false
  }
  if (isEnvironment) scan.environmentsSent.push(folder)
  const rules = above.enter(folder, names)
  const entry = addFolder(scan, folder, place, undefined)
  const places = new Places(scan.memory, place)
  const taken: string[] = []
  let isPlain = !isEnvironment && scan.notUtf8.length === oddBefore
  for (const child of children) {
    const path = folder === '' ? child.name : `${folder}/${child.name}`
    const isFolder = child.isDirectory()
    const { by, wanted } = rules.test(path, isFolder)
    if (by) {
      scan.ignored.push({ path: isFolder ? `${path}/` : path, by })
      isPlain = false
      continue
    }
    taken.push(child.name)
    const inside = { folder: path, place: places.of(path), depth: depth + 1, above: rules, isWanted: () => wanted }
    const isTaken = isFolder ? scanFolder(walk, inside) : scanChild(walk, path, child, inside.place)
    isPlain &&= isTaken
  }
  if (findAlike(scan, folder, taken) || !isPlain || !stamp || !isSettled(stamp, walk.startedMs)) return true
  entry.listing = { stamp, rulesTag: rules.tag }
  scan.learnt += children.length
  return true
}

/** The folder as an entry; that of the workspace itself is none of the tree. */
function addFolder(scan: Scan, path: string, place: number | undefined, listing: Listing | undefined): FolderEntry {
  const isOld = place !== undefined && scan.memory.kindAt(place) === entryKinds.folder
  const entry: FolderEntry = { type: 'folder', path, place: isOld ? place : undefined, listing }
  if (path === '') scan.top = entry
  else scan.entries.push(entry)
  return entry
}

/** Adds a file or a link. False: it does not travel, or not as it is. */
function scanChild(
  { root, scan }: Walk,
  path: string,
  child: Pick<Dirent, 'isFile' | 'isSymbolicLink'>,
  place: number | undefined,
): boolean {
  if (child.isSymbolicLink()) {
    const target = readLink(root, path)
    const inside = target === undefined ? undefined : insideTarget(root, path, target)
    if (inside !== undefined) scan.entries.push({ type: 'link', path, target: inside })
    else if (target !== undefined) scan.linksOut.push(path)
    return false
  }
  const stats = child.isFile() ? lstatSync(`${root}/${path}`, { throwIfNoEntry: false }) : undefined
  if (!child.isFile()) scan.special.push(path)
  return addFile(scan, path, stats, place)
}

/** False: it is no file, or gone. */
function addFile(scan: Scan, path: string, stats: Stats | undefined, place: number | undefined): boolean {
  if (!stats?.isFile()) return false
  scan.files += 1
  scan.sizeBytes += stats.size
  if (place !== undefined && scan.memory.isSame(place, stats)) {
    scan.entries.push(new RememberedFile(scan.memory, place))
    return true
  }
  scan.entries.push({
    type: 'file',
    path,
    executable: (stats.mode & 0o100) !== 0,
    stamp: stampOf(stats),
    chunks: undefined,
    isSettled: false,
    place: undefined,
    formerPlace: place,
  })
  return true
}

/** Where the children of a folder stand in what is remembered. */
class Places {
  readonly #byPath = new Map<string, number>()

  constructor(memory: StatCache, folder: number | undefined) {
    if (folder === undefined) return
    for (const place of memory.childrenOf(folder)) this.#byPath.set(memory.pathAt(place), place)
  }

  of(path: string): number | undefined {
    return this.#byPath.get(path)
  }
}

/** Entries in the order of a tree; those that are remembered are in it already. */
function inOrder(entries: readonly Entry[], memory: StatCache): Entry[] {
  const old: (Entry | undefined)[] = []
  for (let place = 0; place < memory.size; place++) old.push(undefined)
  const fresh: Entry[] = []
  for (const entry of entries) {
    if (entry.type !== 'link' && entry.place !== undefined) old[entry.place] = entry
    else fresh.push(entry)
  }
  fresh.sort((one, other) => comparePaths(one.path, other.path))
  const merged: Entry[] = []
  let next = 0
  for (const entry of old) {
    if (!entry) continue
    for (; next < fresh.length && comparePaths((fresh[next] as Entry).path, entry.path) < 0; next++) {
      merged.push(fresh[next] as Entry)
    }
    merged.push(entry)
  }
  for (; next < fresh.length; next++) merged.push(fresh[next] as Entry)
  return merged
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

/** Notes names of one folder that some file systems take for one and the same. False: there are none. */
function findAlike({ alike }: Scan, folder: string, names: readonly string[]): boolean {
  const seen = new Map<string, string>()
  let found = false
  for (const name of names) {
    const folded = fold(name)
    const other = seen.get(folded)
    seen.set(folded, name)
    if (other === undefined) continue
    const pair = [other, name].map((one) => (folder === '' ? one : `${folder}/${one}`)) as [string, string]
    alike[other.normalize('NFC') === name.normalize('NFC') ? 'form' : 'case'].push(pair)
    found = true
  }
  return found
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
