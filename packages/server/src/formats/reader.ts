/** One file of a model, read by ranges. */
export interface ModelFile {
  path: string
  sizeBytes: number
  /** Fewer bytes come back where the file ends before. */
  read(start: number, length: number): Promise<Buffer>
}

/** The files of a model. */
export interface ModelFiles {
  files: readonly ModelFile[]
  /** False: there are more than are listed. */
  complete: boolean
}

/** A file is damaged, or says of itself what cannot be true. */
export class FormatError extends Error {
  readonly path: string

  constructor(path: string, reason: string) {
    super(reason)
    this.path = path
  }
}

/** Bounds of what is read of a model: far above what real ones need, and small enough for any server. */
export const bounds = {
  /** Header of JSON in safetensors: its own bound (huggingface/safetensors, `MAX_HEADER_SIZE`) is 100 MB. */
  headerBytes: 32 * 1024 * 1024,
  /** Layers that are listed; all are counted. */
  layers: 5000,
  /** Tensors, nodes and the like that are looked at. */
  items: 200_000,
  /** Nodes of a picture. */
  graphNodes: 1000,
  /** One name, or a text that a header holds. */
  textBytes: 64 * 1024,
  /** Dimensions of a tensor. */
  dimensions: 64,
  /** Messages within messages. */
  depth: 64,
  /** A file of JSON, YAML or a pickle that is read as a whole. */
  wholeBytes: 16 * 1024 * 1024,
  /** Entries of an archive, and its directory. */
  entries: 20_000,
  directoryBytes: 8 * 1024 * 1024,
  /** Pickles looked at, and opcodes of one. */
  pickles: 200,
  opcodes: 5_000_000,
  /** Findings that are listed. */
  imports: 200,
} as const

/** Bytes fetched at a time: a header is one read or two, and what is skipped costs none. */
const windowBytes = 256 * 1024

/** Goes through a part of a file from front to back; what is skipped is not read. Reads past its end are refused. */
export class Cursor {
  readonly file: ModelFile
  readonly end: number
  offset: number
  #window: Buffer = Buffer.alloc(0)
  #windowStart = 0

  constructor(file: ModelFile, start = 0, end = file.sizeBytes) {
    this.file = file
    this.offset = start
    this.end = end
  }

  get left(): number {
    return this.end - this.offset
  }

  /** The next bytes; they are part of a buffer that is shared. */
  async take(length: number): Promise<Buffer> {
    if (length < 0 || length > this.left) throw this.fail('it ends too early, or a length in it is not true')
    let from = this.offset - this.#windowStart
    if (from < 0 || from + length > this.#window.length) {
      await this.#fetch(length)
      from = 0
    }
    this.offset += length
    return this.#window.subarray(from, from + length)
  }

  skip(length: number): void {
    if (length < 0 || length > this.left) throw this.fail('it ends too early, or a length in it is not true')
    this.offset += length
  }

  /** A byte that is there already, or undefined: `take` has to be asked for it. */
  peeked(): number | undefined {
    const at = this.offset - this.#windowStart
    if (at < 0 || at >= this.#window.length || this.left <= 0) return undefined
    this.offset += 1
    return this.#window[at]
  }

  fail(reason: string): FormatError {
    return new FormatError(this.file.path, reason)
  }

  async #fetch(length: number): Promise<void> {
    const wanted = Math.min(Math.max(length, windowBytes), this.left)
    this.#window = await this.file.read(this.offset, wanted)
    this.#windowStart = this.offset
    if (this.#window.length < length) throw this.fail('it ends too early')
  }
}

/** All of a small file. Throws `FormatError` for a large one. */
export async function readWhole(file: ModelFile, most: number = bounds.wholeBytes): Promise<Buffer> {
  if (file.sizeBytes > most) throw new FormatError(file.path, `it has more than ${most} bytes, too many for what it is`)
  return file.read(0, file.sizeBytes)
}

/** Parses JSON that must be an object. */
export function parseObject(file: Pick<ModelFile, 'path'>, text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new FormatError(file.path, 'its JSON is damaged')
  }
  if (!isRecord(value)) throw new FormatError(file.path, 'its JSON is no object')
  return value
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The product of dimensions, or null where it is not known or beyond what numbers can tell exactly. */
export function countOf(shape: readonly number[]): number | null {
  let count = 1
  for (const length of shape) count *= length
  return Number.isSafeInteger(count) && count >= 0 ? count : null
}

/** Text that is shown: control characters would only confuse. */
export const shown = (text: string, most = 300): string => {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  const clean = text.replaceAll(/[\u0000-\u001f\u007f]/g, '\u{fffd}')
  return clean.length > most ? `${clean.slice(0, most)}…` : clean
}
