import { posix } from 'node:path'
import { limits } from '../limits.ts'
import { quoteWord } from '../quote.ts'
import type { FileEntry, Scan } from './scan.ts'

/** Something large that goes with every job, most likely by accident. */
export interface Caught {
  what: 'data' | 'media' | 'environment'
  /** A file, a pattern or a folder, which ends in `/`. */
  path: string
  files: number
  sizeBytes: number
  /** The line for .nablaignore that leaves it out; null: there is none. */
  ignoreLine: string | null
  /** What to do instead. */
  instead: string
}

const dataEndings = new Set(
  (
    'csv tsv jsonl ndjson parquet arrow feather avro orc npy npz h5 hdf5 mat pkl pickle joblib tfrecord lmdb mdb ' +
    'sqlite db zip tar gz tgz bz2 xz zst 7z rar mp4 mkv avi mov pt pth ckpt bin safetensors onnx gguf'
  ).split(' '),
)

const mediaEndings = new Set('jpg jpeg png webp bmp gif tif tiff dcm wav flac mp3 ogg m4a npy npz'.split(' '))

/** Data sets and virtual environments among what would go, largest first. */
export function findCaught({ entries, environmentsSent }: Scan): Caught[] {
  const files = entries.filter((entry): entry is FileEntry => entry.type === 'file')
  const environments = environmentsSent.map((folder) => caughtEnvironment(folder, files))
  const others = files.filter(({ path }) => !environmentsSent.some((folder) => isBelow(path, folder)))
  const data = others.filter(
    ({ path, stamp }) => dataEndings.has(endingOf(path)) && stamp.sizeBytes >= limits.dataFileBytes,
  )
  const media = [
    ...groupBy(
      others.filter(({ path }) => mediaEndings.has(endingOf(path))),
      folderOf,
    ),
  ]
  return [
    ...environments,
    ...[...groupBy(data, patternOf).values()].map(caughtData),
    ...media.filter(([, some]) => some.length >= limits.mediaFiles).map(([folder, some]) => caughtMedia(folder, some)),
  ].sort((one, other) => other.sizeBytes - one.sizeBytes)
}

function caughtEnvironment(folder: string, files: readonly FileEntry[]): Caught {
  const inside = files.filter(({ path }) => isBelow(path, folder))
  return {
    what: 'environment',
    path: folder === '' ? './' : `${folder}/`,
    ...sumOf(inside),
    ignoreLine: folder === '' ? null : lineOf(`${folder}/`),
    instead:
      folder === '' ? 'make it in a folder of its own: python3 -m venv .venv' : 'list its packages in requirements.txt',
  }
}

function caughtData(files: readonly FileEntry[]): Caught {
  const [first] = files as [FileEntry]
  const path = files.length === 1 ? first.path : patternOf(first)
  const words = files.length === 1 ? quoteWord(path) : `${quotedFolder(folderOf(first))}*.${endingOf(first.path)}`
  return {
    what: 'data',
    path,
    ...sumOf(files),
    ignoreLine: files.length === 1 ? lineOf(path) : `${lineOf(posix.dirname(path), '/')}*.${endingOf(first.path)}`,
    instead: `nabla storage put ${words} --to data/`,
  }
}

function caughtMedia(folder: string, files: readonly FileEntry[]): Caught {
  const path = folder === '' ? './' : `${folder}/`
  return {
    what: 'media',
    path,
    ...sumOf(files),
    ignoreLine: folder === '' ? null : lineOf(path),
    instead: folder === '' ? 'put the files into a folder of their own' : `nabla storage put -r ${quoteWord(folder)}`,
  }
}

function sumOf(files: readonly FileEntry[]): { files: number; sizeBytes: number } {
  return { files: files.length, sizeBytes: files.reduce((sum, { stamp }) => sum + stamp.sizeBytes, 0) }
}

/** A path from the top of the workspace as a line of an ignore file. */
function lineOf(path: string, end = ''): string {
  if (path === '.') return '/'
  return `/${path.replaceAll(/[\\*?[\]!# ]/g, '\\$&')}${end}`
}

const endingOf = (path: string): string => posix.extname(path).slice(1).toLowerCase()
const folderOf = ({ path }: { path: string }): string => posix.dirname(path).replace(/^\.$/, '')
const quotedFolder = (folder: string): string => (folder === '' ? '' : `${quoteWord(folder)}/`)
const patternOf = (file: FileEntry): string => posix.join(folderOf(file), `*.${endingOf(file.path)}`)
const isBelow = (path: string, folder: string): boolean => folder === '' || path.startsWith(`${folder}/`)

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
