import type { FileEntry } from '@nabla/api/file'
import type { Context } from '../context.ts'
import { formatAgo, formatBytes } from '../terminal/format.ts'
import { limits } from '../limits.ts'
import type { Column } from '../terminal/table.ts'

interface FilePage {
  items: FileEntry[]
  next: string | null
}

/** All files of a listing, page by page. */
export async function* eachFile(
  list: (page: { limit: number; after?: string }) => Promise<FilePage>,
): AsyncGenerator<FileEntry> {
  let after: string | null = null
  do {
    const page: FilePage = await list({ limit: limits.filePageRows, ...(after !== null && { after }) })
    yield* page.items
    after = page.next
  } while (after !== null)
}

/** A whole listing at once, for a table. */
export async function collect(files: AsyncIterable<FileEntry>): Promise<FileEntry[]> {
  const all: FileEntry[] = []
  for await (const file of files) all.push(file)
  return all
}

/** Number and size of all files of a listing. */
export async function totalOf(files: AsyncIterable<FileEntry>): Promise<{ files: number; sizeBytes: number }> {
  const total = { files: 0, sizeBytes: 0 }
  for await (const file of files) {
    if (file.type !== 'file') continue
    total.files += 1
    total.sizeBytes += file.sizeBytes
  }
  return total
}

export function fileColumns({ io, out }: Context): Column<FileEntry>[] {
  return [
    {
      title: 'PATH',
      rank: 0,
      shrinkTo: 20,
      value: ({ path, type }) => (type === 'folder' ? `${path}/` : path),
      paint: (text, { type }) =>
        type === 'folder' ? out.style('blue', text) : type === 'link' ? out.style('cyan', text) : text,
    },
    {
      title: 'SIZE',
      rank: 1,
      align: 'right',
      value: ({ type, sizeBytes }) => (type === 'file' ? formatBytes(sizeBytes) : type),
    },
    { title: 'CHANGED', rank: 2, value: ({ modifiedAt }) => formatAgo(modifiedAt, io.now()) },
  ]
}

/** Whether a path has something for a shell to expand. */
export const isGlob = (path: string): boolean => /[*?[{]/.test(path)
