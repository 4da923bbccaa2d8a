import { existsSync, globSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { messageOf } from '../errors.ts'
import { packStrings, unpackStrings } from '../tensor/strings.ts'
import { type DataType, dataTypes, isDataType, type Tensor, type TensorSpec } from '../tensor/types.ts'
import { type Frame, readFrames, type TensorParts, writeFrame } from './frame.ts'

/**
 * The program that runs one ONNX model. It is a process of its own, since a model can bring down the native runtime; its
 * socket to the server is file descriptor 3, and it ends when that does.
 */

// The binding takes halves as Uint16Array only; its JavaScript side would make Float16Arrays of them where there are such,
// of which the binding sees no bytes ("not enough space: expected 4, got 0").
Reflect.deleteProperty(globalThis, 'Float16Array')

const socket = new Socket({ fd: 3, readable: true, writable: true })
socket.on('close', () => process.exit(0))
// Whoever ends the task may tell every process of it: the server answers what is under way, and this is needed for that.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
let session: ort.InferenceSession | null = null
let outputNames: string[] = []

/** One message after another: the runtime blocks this thread while it works anyway. */
let last = Promise.resolve()
readFrames(socket, (frame) => {
  last = last.then(() => handle(frame))
})

async function handle({ head, tensors }: Frame): Promise<void> {
  try {
    if (head.op === 'load') await load(String(head['path']), Number(head['threads']))
    else if (head.op === 'run') await run(head.id, tensors)
  } catch (error) {
    writeFrame(socket, { op: 'error', ...(head.id !== undefined && { id: head.id }), message: messageOf(error) })
  }
}

async function load(path: string, threads: number): Promise<void> {
  session = await ort.InferenceSession.create(fileOf(path), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Threads that wait for the next run by turning in circles take the processor from what brings it.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  })
  const outputs = session.outputMetadata.flatMap(specOf)
  const inputs = session.inputMetadata.flatMap(specOf)
  if (inputs.length < session.inputNames.length) throw new Error('an input is no tensor: such models cannot be served')
  if (outputs.length === 0) throw new Error('no output is a tensor: such models cannot be served')
  outputNames = outputs.map(({ name }) => name)
  const left = session.outputNames.filter((name) => !outputNames.includes(name))
  const free = sharedFirstDimension([...session.inputMetadata, ...session.outputMetadata])
  writeFrame(socket, {
    op: 'loaded',
    inputs,
    outputs,
    batches: free,
    runtime: `onnxruntime ${ort.env.versions.node ?? ort.env.versions.common}`,
    notes: left.map((name) => `output ${name} is no tensor and is left out`),
  })
}

async function run(id: number | undefined, tensors: readonly Tensor[]): Promise<void> {
  if (session === null) throw new Error('no model is loaded')
  const feeds: Record<string, ort.Tensor> = {}
  for (const tensor of tensors) feeds[tensor.name] = toOrt(tensor)
  const results = await session.run(feeds, outputNames)
  writeFrame(
    socket,
    { op: 'result', id: id ?? 0 },
    outputNames.map((name) => fromOrt(name, results[name]!)),
  )
}

/** The model itself: the path, or the one `.onnx` file in it. */
function fileOf(path: string): string {
  if (statSync(path).isFile()) return path
  const named = join(path, 'model.onnx')
  if (existsSync(named)) return named
  const found = globSync('**/*.onnx', { cwd: path })
  if (found.length === 1) return join(path, found[0]!)
  throw new Error(`expected model.onnx, or one .onnx file; there are ${found.length} in the folder`)
}

function specOf(metadata: ort.InferenceSession.ValueMetadata): TensorSpec[] {
  if (!metadata.isTensor) return []
  const { name, type, shape } = metadata
  if (!isDataType(type)) throw new Error(`${name} is of type ${type}, which no protocol here can carry`)
  return [{ name, type, shape: shape.map((length) => (typeof length === 'number' ? length : null)) }]
}

/** Whether requests can be run as one: the first dimension of every tensor is free, and the same where it has a name. */
function sharedFirstDimension(all: readonly ort.InferenceSession.ValueMetadata[]): boolean {
  const firsts = all.flatMap((one) => (one.isTensor ? [one.shape[0]] : []))
  const names = new Set(firsts.filter((first) => first !== ''))
  return firsts.every((first) => typeof first === 'string') && names.size <= 1
}

const views = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const

function toOrt({ name, type, shape, bytes }: Tensor): ort.Tensor {
  if (type === 'string') {
    const values = unpackStrings(bytes)
    if (values === null) throw new Error(`${name}: the strings are cut off`)
    return new ort.Tensor(
      'string',
      values.map((value) => Buffer.from(value).toString()),
      shape,
    )
  }
  const view = new views[type](bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / dataTypes[type].bytes)
  return new ort.Tensor(type as 'float32', view as Float32Array, shape)
}

function fromOrt(name: string, { type, dims, data }: ort.Tensor): TensorParts {
  const part = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : packStrings(data.map((value) => Buffer.from(value)))
  return { name, type: type as DataType, shape: [...dims], parts: [part] }
}
