import { createHash } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { copyFile, type FileHandle, link, mkdir, open, symlink, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

import { AppError } from '../lib/app-error.ts'
import { errorCode } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import { parseRelativePath } from '../lib/safe-path.ts'
import type { Meter } from './meter.ts'
import type { Member } from './tar-reader.ts'
import { digestOf, type TreeNode } from './tree-digest.ts'
import { pathText } from './walk.ts'

/** What was unpacked. */
export interface TreeSummary {
  files: number
  /** Sum of the sizes of the files. */
  bytes: number
  /** See `treeDigest`. */
  digest: string
}

/**
 * Builds a tree from the members of an archive that nobody vouches for, in an empty folder that nobody else writes
 * to. Links are made last, so nothing can be written through one, and only if all of them stay inside.
 * A file that comes twice is taken as it came last, as tar does.
 */
export interface TreeBuilder {
  /** Throws `bad_archive` for a member that may not be there. */
  add(member: Member): Promise<void>
  /** Makes the links. */
  finish(): Promise<TreeSummary>
  /** Resolves when nothing is being written any more, however that went. */
  idle(): Promise<void>
}

export function makeTreeBuilder(root: string, meter: Meter): TreeBuilder {
  const tree: Tree = { root, nodes: new Map(), meter, writing: new Set() }
  return {
    async add(member) {
      const path = parseMemberPath(member.path)
      if (path === '') {
        if (member.type !== 'folder') throw refusal(member.path, 'has no name')
        return
      }
      meter.addEntry()
      switch (member.type) {
        case 'folder':
          return addFolder(tree, path)
        case 'file':
          return addFile(tree, path, member)
        case 'link':
          return addLink(tree, path, member.target ?? (await readTarget(member)))
        case 'hardLink':
          return addHardLink(tree, path, parseMemberPath(member.target ?? Buffer.alloc(0)))
      }
    },
    finish: () => finish(tree),
    async idle() {
      await Promise.allSettled(tree.writing)
    },
  }
}

interface Tree {
  root: string
  /** By path as bytes. */
  nodes: Map<string, TreeNode>
  meter: Meter
  /** Small files on their way to the disk. */
  writing: Set<Promise<void>>
}

/** A file up to this size is written while the next ones are read: each write waits for the disk several times. */
const smallBytes = 64 * 1024
const writesAtOnce = 16

const fileFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

function refusal(path: Buffer | string, what: string): AppError {
  const bytes = typeof path === 'string' ? path : path.toString('latin1')
  return new AppError('bad_archive', { reason: `${pathText(bytes).slice(0, 300)} ${what}` })
}

/** A path as archives write it: `./a//b/` is `a/b`. Returned as bytes. */
function parseMemberPath(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw refusal(bytes, 'has a name that is not UTF-8')
  const text = bytes.toString('utf8')
  if (text.startsWith('/')) throw refusal(bytes, 'is an absolute path')
  const path = text
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
  try {
    return Buffer.from(parseRelativePath(path)).toString('latin1')
  } catch (error) {
    if (error instanceof AppError) throw refusal(bytes, `has a name that is not allowed: ${error.params['reason']}`)
    throw error
  }
}

function onDisk(tree: Tree, path: string): Buffer {
  return Buffer.from(`${Buffer.from(tree.root).toString('latin1')}/${path}`, 'latin1')
}

async function addFolder(tree: Tree, path: string): Promise<void> {
  const present = tree.nodes.get(path)
  if (present?.type === 'folder') return
  if (present) throw refusal(path, 'is a folder and something else as well')
  await addParents(tree, path)
  await once(path, mkdir(onDisk(tree, path), 0o755))
  tree.nodes.set(path, { type: 'folder' })
}

async function addParents(tree: Tree, path: string): Promise<void> {
  const parent = dirname(path)
  if (parent === '.' || tree.nodes.get(parent)?.type === 'folder') return
  if (tree.nodes.has(parent)) throw refusal(path, 'lies in something that is not a folder')
  tree.meter.addEntry()
  await addFolder(tree, parent)
}

/** What the archive does not name twice can only be there if the disk takes two names for one. */
async function once<T>(path: string, making: Promise<T>): Promise<T> {
  try {
    return await making
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw refusal(path, 'has the name of another one, as the disk sees it')
    throw error
  }
}

/** Makes room for a file or link at a path. Never by writing into what is there: it may have a second name. */
async function claim(tree: Tree, path: string): Promise<void> {
  const present = tree.nodes.get(path)
  if (present?.type === 'folder') throw refusal(path, 'is a folder and something else as well')
  if (present?.type === 'file') {
    await Promise.all(tree.writing)
    await unlink(onDisk(tree, path))
  }
  if (present) tree.nodes.delete(path)
  else await addParents(tree, path)
}

async function addFile(tree: Tree, path: string, member: Member): Promise<void> {
  await claim(tree, path)
  const { executable } = member
  const hash = createHash('sha256')
  let sizeBytes = 0
  let small: Buffer[] = []
  let file: FileHandle | undefined
  try {
    for await (const chunk of member.content) {
      hash.update(chunk)
      sizeBytes += chunk.length
      small.push(chunk)
      if (sizeBytes <= smallBytes) continue
      file ??= await create(tree, path, executable)
      await file.writeFile(Buffer.concat(small))
      small = []
    }
  } finally {
    await file?.close()
  }
  if (!file) await writeSmall(tree, path, executable, Buffer.concat(small))
  tree.nodes.set(path, { type: 'file', executable, sizeBytes, sha256: hash.digest('hex') })
}

async function create(tree: Tree, path: string, executable: boolean): Promise<FileHandle> {
  return once(path, open(onDisk(tree, path), fileFlags, executable ? 0o755 : 0o644))
}

/** Starts to write; fails for an earlier file, if that could not be written. */
async function writeSmall(tree: Tree, path: string, executable: boolean, content: Buffer): Promise<void> {
  if (tree.writing.size >= writesAtOnce) await Promise.race(tree.writing)
  const write = async () => {
    const file = await create(tree, path, executable)
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
    // One that fails stays, so that whoever waits next hears of it.
    tree.writing.delete(writing)
  }
  const writing = write()
  writing.catch(() => {})
  tree.writing.add(writing)
}

async function addLink(tree: Tree, path: string, target: Buffer): Promise<void> {
  if (target.length === 0 || target.length > limits.pathBytes || target.includes(0) || !isUtf8(target)) {
    throw refusal(path, 'is a link whose target is not valid')
  }
  await claim(tree, path)
  tree.nodes.set(path, { type: 'link', target: target.toString('latin1') })
}

/** In zip archives the target of a link is its content. */
async function readTarget(member: Member): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of member.content) {
    length += chunk.length
    if (length > limits.pathBytes) throw refusal(member.path, 'is a link whose target is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function addHardLink(tree: Tree, path: string, target: string): Promise<void> {
  const node = tree.nodes.get(target)
  if (target === path) return
  if (!node || node.type === 'folder') throw refusal(path, 'is a hard link to no file of the archive before it')
  await claim(tree, path)
  if (node.type === 'file') {
    await Promise.all(tree.writing)
    const [from, to] = [onDisk(tree, target), onDisk(tree, path)]
    await link(from, to).catch(async (error: unknown) => {
      // Too many names for one file, or a disk without hard links.
      if (!['EMLINK', 'EPERM', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error
      tree.meter.addUnpacked(node.sizeBytes)
      await copyFile(from, to, constants.COPYFILE_EXCL)
    })
  }
  tree.nodes.set(path, node)
}

async function finish(tree: Tree): Promise<TreeSummary> {
  await Promise.all(tree.writing)
  let files = 0
  let bytes = 0
  for (const [path, node] of tree.nodes) {
    if (node.type === 'file') {
      files++
      bytes += node.sizeBytes
    }
    if (node.type === 'link' && leadsOut(tree, path, node.target)) throw refusal(path, 'is a link that leads out')
  }
  for (const [path, node] of tree.nodes) {
    if (node.type !== 'link') continue
    await once(path, symlink(Buffer.from(node.target, 'latin1'), onDisk(tree, path)))
  }
  return { files, bytes, digest: digestOf(tree.nodes) }
}

/**
 * Follows a link as the kernel would, in the tree as it will be. A link to nothing is fine as long as it stays inside;
 * so is one that goes round.
 */
function leadsOut(tree: Tree, path: string, target: string): boolean {
  if (target.startsWith('/')) return true
  const at = path.split('/').slice(0, -1)
  const pending = target.split('/').toReversed()
  let links = 0
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return true
      continue
    }
    at.push(part)
    const node = tree.nodes.get(at.join('/'))
    if (node?.type !== 'link') continue
    if (node.target.startsWith('/')) return true
    if (++links > limits.linksFollowed) return false
    at.pop()
    pending.push(...node.target.split('/').toReversed())
  }
  return false
}
