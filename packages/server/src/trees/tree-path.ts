import type { TreeEntry } from '@nabla/api/tree-format'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import type { TreeIndex } from './tree-index.ts'

/** What paths of entries in a folder begin with. */
export const inside = (folder: string): string => (folder === '' ? '' : `${folder}/`)

export interface Located {
  entry: TreeEntry
  /** Where it is, once links are followed. */
  path: string
}

const top: TreeEntry = { type: 'folder', path: '' }

/** What is at a path; also a folder that has no entry of its own. */
async function findAny(index: TreeIndex, path: string): Promise<TreeEntry | undefined> {
  const entry = await index.find(path)
  if (entry) return entry
  const below = await index.cursor(inside(path)).next()
  return below?.path.startsWith(inside(path)) ? { type: 'folder', path } : undefined
}

/** Finds what is at a path as the kernel would, links on the way followed. Throws as `lib/safe-path.ts` does. */
export async function locate(index: TreeIndex, path: string, asked: string, followLast: boolean): Promise<Located> {
  const direct = path === '' ? top : await findAny(index, path)
  if (direct && (direct.type !== 'link' || !followLast)) return { entry: direct, path }
  const bad = (reason: string) => new AppError('bad_path', { path: asked, reason })
  const at: string[] = []
  const pending = path.split('/').toReversed()
  let links = 0
  let found = top
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '' || part === '.') continue
    if (found.type !== 'folder') throw bad('a part of it is a file, not a folder')
    if (part === '..') {
      if (at.pop() === undefined) throw bad('it leads out of the folder')
      found = { type: 'folder', path: at.join('/') }
      continue
    }
    at.push(part)
    const entry = await findAny(index, at.join('/'))
    if (!entry) throw new AppError('file_not_found', { path: asked })
    const isLast = pending.length === 0
    if (entry.type !== 'link' || (isLast && !followLast)) {
      found = entry
      continue
    }
    if (++links > limits.linksFollowed) throw bad('its links go round')
    if (entry.target.startsWith('/')) throw bad('it leads out of the folder')
    at.pop()
    pending.push(...entry.target.split('/').toReversed())
  }
  return { entry: found, path: found.path }
}
