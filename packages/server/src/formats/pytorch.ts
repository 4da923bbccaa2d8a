import { bytesOfType, type Found, Weights } from './found.ts'
import { type Pickled, type PickleScan, scanPickle } from './pickle.ts'
import { bounds, countOf, FormatError, type ModelFile, shown } from './reader.ts'
import { listZip, openEntry, type ZipEntry } from './zip.ts'

/** Types of storages, `torch/storage.py`, as NumPy calls them. */
const storageTypes: Record<string, string> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
}

const plainTypes: Record<string, string> = { float: 'float32', double: 'float64', half: 'float16', long: 'int64' }

/**
 * Reads a `.pt` archive as `torch.save` writes it: the opcodes of `data.pkl` are walked, and what they would make is
 * looked through for tensors. Nothing is unpickled. `undefined` where the archive is none of PyTorch.
 */
export async function readPytorch(file: ModelFile): Promise<Found | undefined> {
  const entries = await listZip(file)
  const data = entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name))
  if (!data) return undefined
  const root = data.name.slice(0, -'data.pkl'.length)
  const isScript = entries.some(({ name }) => name.startsWith(`${root}code/`))
  const scan = await scanPickle(await openEntry(file, data))
  const weights = new Weights()
  const sizes = new Map(entries.map((entry) => [entry.name, entry.sizeBytes]))
  if (scan.result) collect({ file, weights, sizes, root, seen: new Set() }, scan.result, '', 0)
  return {
    format: isScript ? 'torchscript' : 'pytorch',
    weights,
    producer: 'PyTorch',
    details: await detailsOf(file, entries, root, scan),
    warnings: scan.problem === null ? [] : [`Its pickle cannot be read to its end: ${scan.problem}`],
  }
}

async function detailsOf(file: ModelFile, entries: readonly ZipEntry[], root: string, { result }: PickleScan) {
  const details: Record<string, string> = {}
  for (const name of ['version', '.format_version', 'byteorder']) {
    const entry = entries.find((one) => one.name === root + name)
    if (!entry || entry.sizeBytes > 100) continue
    const about = await openEntry(file, entry)
    details[name === 'version' ? 'archive version' : name] = shown((await about.read(0, 100)).toString('utf8').trim())
  }
  if (result?.kind === 'call' && result.name !== 'collections.OrderedDict') details['class'] = shown(result.name)
  const scalars = result?.kind === 'dict' ? result.items : []
  for (const [key, value] of scalars.slice(0, 100)) {
    if (key.kind === 'value' && value.kind === 'value')
      details[shown(String(key.value), 60)] = shown(String(value.value), 200)
  }
  return details
}

interface Collecting {
  file: ModelFile
  weights: Weights
  sizes: ReadonlyMap<string, number>
  root: string
  /** What was gone through: a pickle may refer to one thing many times, and to itself. */
  seen: Set<Pickled>
}

/** Parts of a module's state that `state_dict` leaves out of names. */
const hidden = new Set(['_parameters', '_buffers', '_modules'])

function collect(into: Collecting, value: Pickled, path: string, depth: number): void {
  if (depth > bounds.depth || into.weights.count > bounds.items) return
  if (value.kind === 'call') {
    if (addTensor(into, value, path)) return
    const [inner] = value.args.kind === 'list' ? value.args.items : []
    if (value.name === 'torch._utils._rebuild_parameter' && inner) {
      collect(into, inner, path, depth + 1)
      return
    }
  }
  if (into.seen.has(value)) return
  into.seen.add(value)
  if (value.kind === 'list') value.items.forEach((item, at) => collect(into, item, join(path, String(at)), depth + 1))
  if (value.kind !== 'dict' && value.kind !== 'call') return
  for (const [key, item] of value.items) {
    if (key.kind !== 'value') continue
    const name = String(key.value)
    collect(into, item, hidden.has(name) ? path : join(path, name), depth + 1)
  }
  if (value.kind === 'call' && value.state) collect(into, value.state, path, depth + 1)
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** `_rebuild_tensor_v2(storage, offset, size, stride, …)` of `torch/_utils.py`; version 3 names the type at the end. */
function addTensor(into: Collecting, { name, args }: Pickled & { kind: 'call' }, path: string): boolean {
  if (!/^torch\._utils\._rebuild_tensor(_v[23])?$/.test(name) || args.kind !== 'list') return false
  const [storage, offset, size, stride] = args.items
  const about = storageOf(storage)
  const shape = numbersOf(size)
  if (!about || !shape) return false
  const named = name.endsWith('_v3') ? args.items.find((item) => item.kind === 'name') : undefined
  const own = named?.kind === 'name' ? named.name.replace('torch.', '') : about.type
  const type = plainTypes[own] ?? own
  // A storage without a type is counted in bytes.
  const isUntyped = about.type === 'uint8' && type !== 'uint8'
  const values = isUntyped ? about.values / (bytesOfType(type) ?? 1) : about.values
  const [first = 0] = numbersOf({ kind: 'list', items: offset ? [offset] : [] }) ?? []
  check(into, path, { key: about.key, values, type, shape, stride: numbersOf(stride) ?? [], offset: first })
  into.weights.addTensor(shown(path), type, shape, bytesOfType(type))
  return true
}

interface Tensor {
  key: string
  values: number
  type: string
  shape: number[]
  stride: number[]
  offset: number
}

/** Refuses a tensor that reaches beyond its storage, and a storage that is not as large as it is said to be. */
function check({ file, sizes, root }: Collecting, path: string, tensor: Tensor): void {
  const lies = (reason: string) => new FormatError(file.path, `of the tensor ${shown(path, 100)}, ${reason}`)
  const count = countOf(tensor.shape)
  if (count === null || tensor.shape.length > bounds.dimensions) throw lies('the shape cannot be')
  const last = tensor.shape.reduce(
    (sum, length, at) => sum + Math.max(0, length - 1) * (tensor.stride[at] ?? 0),
    tensor.offset,
  )
  if (count > 0 && (last >= tensor.values || last < 0)) throw lies('the shape reaches beyond what is stored')
  const size = sizes.get(`${root}data/${tensor.key}`)
  const valueBytes = bytesOfType(tensor.type)
  if (size !== undefined && valueBytes !== null && size < tensor.values * valueBytes) {
    throw lies('there are fewer bytes than it says')
  }
}

/** `('storage', FloatStorage, key, location, count)`, by which the bytes are found. */
function storageOf(value: Pickled | undefined): { key: string; type: string; values: number } | undefined {
  if (value?.kind !== 'persistent' || value.id.kind !== 'list') return undefined
  const [, kind, key, , count] = value.id.items
  if (kind?.kind !== 'name' || key?.kind !== 'value' || count?.kind !== 'value') return undefined
  const name = kind.name.split('.').at(-1) ?? ''
  return { key: String(key.value), type: storageTypes[name] ?? 'uint8', values: Number(count.value) }
}

function numbersOf(value: Pickled | undefined): number[] | undefined {
  // `torch.Size` is a call with the list as its argument.
  const inner = value?.kind === 'call' && value.args.kind === 'list' ? value.args.items[0] : value
  if (inner?.kind !== 'list') return undefined
  const numbers = inner.items.map((item) => (item.kind === 'value' ? Number(item.value) : NaN))
  return numbers.every((one) => Number.isSafeInteger(one) && one >= 0) ? numbers : undefined
}
