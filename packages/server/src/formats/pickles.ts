import { gunzipSync, inflateSync } from 'node:zlib'
import type { PickleFinding } from '@nabla/api/model-format'
import { scanPickle } from './pickle.ts'
import { toFinding } from './pickle-verdict.ts'
import { bounds, FormatError, type ModelFile } from './reader.ts'
import { listZip, memoryFile, openEntry } from './zip.ts'

/** Files that are looked into for pickles by their names; others by how they begin. */
const likely = /\.(pkl|pickle|joblib|dill|pt|pth|ckpt|bin|npy|npz|model|sav|dat|p|mar|nemo)$/i
/** Files that cannot be mistaken for a pickle: what they hold is read by others. */
const plain =
  /\.(safetensors|onnx|gguf|json|txt|md|ya?ml|toml|py|h5|hdf5|keras|pb|csv|png|jpe?g|index|ubj)$|(^|\/)MLmodel$/i

/** Looks at every pickle of a model, also within archives and behind compression. The worst come first. */
export async function scanPickles(files: readonly ModelFile[]): Promise<{ found: PickleFinding[]; complete: boolean }> {
  const found: PickleFinding[] = []
  const candidates = [
    ...files.filter(({ path }) => likely.test(path)),
    ...files.filter(({ path }) => !likely.test(path) && !plain.test(path)),
  ]
  for (const file of candidates.slice(0, bounds.pickles)) {
    if (found.length >= bounds.pickles) break
    found.push(...(await lookInto(file, 0)))
  }
  const order = { dangerous: 0, suspicious: 1, clean: 2 }
  found.sort((a, b) => order[a.verdict] - order[b.verdict])
  return { found: found.slice(0, bounds.pickles), complete: candidates.length <= bounds.pickles }
}

const unread = (path: string, reason: string): PickleFinding => ({ path, verdict: 'suspicious', imports: [], reason })

async function lookInto(file: ModelFile, depth: number): Promise<PickleFinding[]> {
  const begin = await file.read(0, 128)
  const kind = kindOf(begin, file.path)
  switch (kind) {
    case 'pickle':
      return scanAll(file)
    case 'zip':
      return depth > 1 ? [unread(file.path, 'it is an archive within archives')] : lookIntoZip(file, depth)
    case 'gzip':
    case 'zlib':
      return unpacked(file, kind, depth)
    case 'packed':
      return [unread(file.path, 'it is compressed in a way that is not looked into')]
    case 'npy':
      return /'descr':\s*'\|?O/.test(begin.toString('latin1')) ? scanNumpy(file, begin) : []
    case 'none':
      return []
    default:
      return kind satisfies never
  }
}

type Kind = 'pickle' | 'zip' | 'gzip' | 'zlib' | 'packed' | 'npy' | 'none'

function kindOf(begin: Buffer, path: string): Kind {
  const [first = -1, second = -1] = begin
  const magic = begin.toString('latin1', 0, 6)
  if (magic.startsWith('PK\u0003\u0004') || magic.startsWith('PK\u0005\u0006')) return 'zip'
  if (first === 0x80 && second <= 5) return 'pickle'
  if (magic.startsWith('\u0093NUMPY')) return 'npy'
  if (first === 0x1f && second === 0x8b) return 'gzip'
  const isNamed = likely.test(path)
  if (isNamed && first === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(second)) return 'zlib'
  // bzip2, xz, lzma, lz4 and zstd.
  if (isNamed && /^(BZh|\u00fd7zXZ|\u005d\u0000\u0000|\u0004\u0022M\u0018|\u0028\u00b5\u002f\u00fd)/.test(magic))
    return 'packed'
  // Protocol 0 and 1 have no mark of their own: a text of opcodes.
  if (/\.(pkl|pickle|p|joblib|dill|sav)$/i.test(path) && begin.length > 0) return 'pickle'
  return looksLikeText(begin) ? 'pickle' : 'none'
}

/** A pickle of protocol 0 begins with a name (`cposix\nsystem\n`), or a mark and one. */
const looksLikeText = (begin: Buffer): boolean =>
  /^[(}\]]*[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n/.test(begin.toString('latin1'))

/** One pickle after the other: `torch.save` of old wrote several into one file. */
async function scanAll(file: ModelFile): Promise<PickleFinding[]> {
  const found: PickleFinding[] = []
  let start = 0
  for (let count = 0; count < 10 && start < file.sizeBytes; count++) {
    const begin = await file.read(start, 2)
    if (count > 0 && !(begin[0] === 0x80 && (begin[1] ?? 9) <= 5)) break
    const scan = await scanPickle(file, start)
    found.push(toFinding(file.path, scan))
    if (scan.problem !== null || scan.end <= start) break
    start = scan.end
  }
  return found
}

async function lookIntoZip(file: ModelFile, depth: number): Promise<PickleFinding[]> {
  const found: PickleFinding[] = []
  let entries
  try {
    entries = await listZip(file)
  } catch (error) {
    if (error instanceof FormatError) return [unread(file.path, error.message)]
    throw error
  }
  for (const entry of entries) {
    // Tensors of a `.pt` archive.
    if (entry.name.endsWith('/') || plain.test(entry.name) || /\/(data|constants)\/\d+$/.test(entry.name)) continue
    try {
      found.push(...(await lookInto(await openEntry(file, entry), depth + 1)))
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      found.push(unread(error.path, error.message))
    }
    if (found.length > bounds.pickles) break
  }
  return found
}

async function unpacked(file: ModelFile, kind: 'gzip' | 'zlib', depth: number): Promise<PickleFinding[]> {
  if (file.sizeBytes > bounds.wholeBytes || depth > 1)
    return [unread(file.path, 'it is compressed, and too large to be looked into')]
  const bytes = await file.read(0, file.sizeBytes)
  try {
    const most = { maxOutputLength: 4 * bounds.wholeBytes }
    const content = kind === 'gzip' ? gunzipSync(bytes, most) : inflateSync(bytes, most)
    // Of a name that says what is in it, whatever it begins with.
    return await lookInto(memoryFile(file.path, content), depth + 1)
  } catch {
    return [unread(file.path, 'it cannot be unpacked, or is far larger than it says')]
  }
}

/** An array of objects is a pickle behind a header. */
async function scanNumpy(file: ModelFile, begin: Buffer): Promise<PickleFinding[]> {
  const isFirst = begin[6] === 1
  const start = isFirst ? 10 + begin.readUInt16LE(8) : 12 + begin.readUInt32LE(8)
  return [toFinding(file.path, await scanPickle(file, start))]
}
