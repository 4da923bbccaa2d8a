import { lstat, readdir, stat } from 'node:fs/promises'
import { basename, join, posix, resolve } from 'node:path'
import type { FileEntry } from '@nabla/api/file'
import picomatch from 'picomatch'
import { CliError, systemCode, usageError } from '../cli-error.ts'
import { isGlob } from './file-list.ts'
import type { Remote } from './places.ts'

/** A file that is to be copied. */
export interface Item {
  /** A path here, absolute, or one in the place that it comes from. */
  from: string
  /** Below the target; empty: the target itself. */
  to: string
  sizeBytes: number
  modifiedMs: number
  executable: boolean
  /** A symbolic link of a place: it is copied as one, where it leads to something that is copied with it. */
  isLink?: true
}

export interface Selection {
  items: Item[]
  /** Pipes and the like, and links of this machine, which are not copied. */
  odd: string[]
}

/** What a source becomes below the target: its own name, or nothing for the contents of a folder. */
export interface Source {
  /** Folders were asked for with all below them. */
  recursive: boolean
  /** Its contents go into the target, not it itself. */
  contents: boolean
}

/** The files of a path here. Links are left out, since nobody knows where they lead elsewhere. */
export async function selectLocal(cwd: string, text: string, source: Source): Promise<Selection> {
  const path = resolve(cwd, text)
  const stats = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === undefined) throw error
    const hint = isGlob(text)
      ? 'Leave patterns for files here to your shell: write them without quotes.'
      : 'Check its path.'
    throw new CliError(`There is no file ${text} here.`, hint, 'notFound')
  })
  const found: Selection = { items: [], odd: [] }
  if (stats.isFile()) found.items.push(itemOf(path, basename(path), stats))
  else if (stats.isDirectory()) {
    if (!source.recursive) throw isFolder(text)
    await walkLocal(path, source.contents ? '' : basename(path), found)
  } else throw usageError(`${text} is neither a file nor a folder.`, 'Copy plain files and folders.')
  return found
}

/** The files and links of a path or pattern in a place. */
export async function selectRemote({ place, path }: Remote, source: Source): Promise<Selection> {
  const found: Selection = { items: [], odd: [] }
  if (isGlob(path)) {
    await selectMatching({ place, path, isFolder: false }, source, found)
    if (found.items.length === 0) {
      throw new CliError(
        `Nothing matches ${place.prefix}${path}.`,
        'Quote patterns, and add -r for folders.',
        'notFound',
      )
    }
    return found
  }
  const entry = path === '' ? undefined : await lookUp(place, path)
  if (entry && entry.type !== 'folder') {
    found.items.push(remoteItem(entry, posix.basename(path)))
    return found
  }
  if (!source.recursive) throw isFolder(`${place.prefix}${path}`)
  await addFolder({ place, path, isFolder: true }, source.contents || path === '' ? '' : posix.basename(path), found)
  return found
}

/** What is at a path of a place, found by listing the folder that it is in. Throws when there is nothing. */
export async function lookUp(place: Remote['place'], path: string): Promise<FileEntry> {
  const parent = posix.dirname(path)
  for await (const entry of place.list(parent === '.' ? '' : parent, false)) if (entry.path === path) return entry
  throw new CliError(`There is no ${place.prefix}${path}.`, 'List the folder to see what there is.', 'notFound')
}

const isFolder = (text: string): CliError => usageError(`${text} is a folder.`, 'Add -r to copy it with all below it.')

async function walkLocal(folder: string, to: string, found: Selection): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name)
    const stats = await lstat(path)
    if (stats.isDirectory()) await walkLocal(path, posix.join(to, name), found)
    else if (stats.isFile()) found.items.push(itemOf(path, posix.join(to, name), stats))
    else found.odd.push(path)
  }
}

function itemOf(from: string, to: string, stats: { size: number; mtimeMs: number; mode: number }): Item {
  const modifiedMs = Math.max(0, Math.trunc(stats.mtimeMs))
  return { from, to, sizeBytes: stats.size, modifiedMs, executable: (stats.mode & 0o100) !== 0 }
}

export function remoteItem(entry: FileEntry, to: string): Item {
  const { path, sizeBytes, modifiedAt } = entry
  const item = { from: path, to, modifiedMs: Date.parse(modifiedAt), executable: false }
  return entry.type === 'link' ? { ...item, sizeBytes: 0, isLink: true } : { ...item, sizeBytes }
}

async function addFolder({ place, path }: Remote, to: string, found: Selection): Promise<void> {
  for await (const entry of place.list(path, true)) {
    const below = path === '' ? entry.path : entry.path.slice(path.length + 1)
    if (entry.type !== 'folder') found.items.push(remoteItem(entry, posix.join(to, below)))
  }
}

/**
 * What matches goes into the target by its own name; with `**`, by its path below the part of the pattern that has no
 * stars, so that files of the same name in several folders do not meet.
 */
async function selectMatching({ place, path: pattern }: Remote, source: Source, found: Selection): Promise<void> {
  const { base } = picomatch.scan(pattern)
  const matches = picomatch(pattern, { dot: true })
  const isDeep = pattern.slice(base.length + (base === '' ? 0 : 1)).includes('/')
  for await (const entry of place.list(base, isDeep)) {
    if (!matches(entry.path)) continue
    const below = base === '' ? entry.path : entry.path.slice(base.length + 1)
    const to = pattern.includes('**') ? below : posix.basename(entry.path)
    if (entry.type !== 'folder') found.items.push(remoteItem(entry, to))
    else if (source.recursive && !isDeep) await addFolder({ place, path: entry.path, isFolder: true }, to, found)
  }
}
