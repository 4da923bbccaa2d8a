import type { FileEntry } from '@nabla/api/file'
import type { ByteRange } from './byte-range.ts'
import {
  checksumOf,
  type FilePage,
  type Hashed,
  list,
  type ListOptions,
  openRead,
  type OpenFile,
  stat,
} from './folder.ts'
import { membersOf, type PackedMember, type PackOptions } from './members.ts'

/** Files that can be looked into: a folder that tasks may be writing to, or a tree that never changes. */
export interface Files {
  /** One page of what is in a folder. */
  list(relative: string, options: ListOptions): Promise<FilePage>
  /** What is at a path; of a link, the link itself. */
  stat(relative: string): Promise<FileEntry>
  /** Opens a file; links are followed. */
  openRead(relative: string, options?: ReadOptions): Promise<OpenFile>
  /** SHA-256 of a file. */
  checksumOf(relative: string, options: { signal?: AbortSignal; now: number }): Promise<Hashed>
  /** What an archive of it, or of a part of it, holds. */
  members(options: PackOptions): AsyncIterable<PackedMember>
}

/** Which part of a file, and if it is still the same; see `folder.ts`. */
export interface ReadOptions {
  range?: ByteRange
  ifMatch?: string
  ifRange?: string
}

/** The files of a folder; what are files already come back as they are. */
export function filesIn(root: string | Files): Files {
  if (typeof root !== 'string') return root
  return {
    list: (relative, options) => list(root, relative, options),
    stat: (relative) => stat(root, relative),
    openRead: (relative, options) => openRead(root, relative, options),
    checksumOf: (relative, options) => checksumOf(root, relative, options),
    members: (options) => membersOf(root, options),
  }
}
