import { badInput } from '../errors.ts'
import { isObject, parseObject } from '../http/json-body.ts'
import { fromFlatJson } from '../tensor/from-json.ts'
import { unpackStrings } from '../tensor/strings.ts'
import {
  byInferenceName,
  countOf,
  type DataType,
  dataTypes,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../tensor/types.ts'

/** What the client wants of one output. */
export interface WantedOutput {
  name: string
  binary: boolean
  /** So many of the best classes instead of the tensor; 0: the tensor. */
  classes: number
}

export interface InferenceRequest {
  id: string | null
  inputs: Tensor[]
  /** Null: all. */
  outputs: WantedOutput[] | null
  /** What holds where `outputs` does not say it. */
  binary: boolean
  timeoutMs: number | undefined
}

/**
 * Reads a request for inference: JSON, and behind it the bytes of those inputs that have `binary_data_size`.
 *
 * @param headLength - the header `Inference-Header-Content-Length`: how long the JSON is
 */
export function readInference(
  body: Buffer,
  headLength: string | string[] | undefined,
  signature: Signature,
): InferenceRequest {
  const headBytes = headLength === undefined ? body.length : Number(headLength)
  if (!Number.isInteger(headBytes) || headBytes < 0 || headBytes > body.length) {
    throw badInput(`Inference-Header-Content-Length is ${String(headLength)}, and the body has ${body.length} bytes`)
  }
  const request = parseObject(body.subarray(0, headBytes))
  const { id, inputs, outputs, parameters } = request
  if (!Array.isArray(inputs) || !inputs.every(isObject)) throw badInput("'inputs' must be a list of tensors")
  if (outputs !== undefined && (!Array.isArray(outputs) || !outputs.every(isObject))) {
    throw badInput("'outputs' must be a list of objects, each with a name")
  }
  if (id !== undefined && typeof id !== 'string') throw badInput("'id' must be text")
  const options = isObject(parameters) ? parameters : {}
  const reader = new BodyReader(body.subarray(headBytes))
  const tensors = inputs.map((input) => readInput(input, reader, signature, body.length))
  if (reader.left > 0) throw badInput(`${reader.left} bytes behind the JSON belong to no input`)
  const binary = options['binary_data_output'] === true
  const timeout = options['timeout']
  return {
    id: id ?? null,
    inputs: tensors,
    outputs: outputs === undefined || outputs.length === 0 ? null : outputs.map((output) => readOutput(output, binary)),
    binary,
    timeoutMs: typeof timeout === 'number' && timeout > 0 ? timeout / 1000 : undefined,
  }
}

/** The bytes behind the JSON, taken one tensor after another. */
class BodyReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(name: string, size: unknown): Buffer {
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > this.left) {
      throw badInput(`input ${name}: binary_data_size is ${JSON.stringify(size)}, and ${this.left} bytes are left`)
    }
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }
}

function readInput(input: Record<string, unknown>, reader: BodyReader, signature: Signature, most: number): Tensor {
  const { name, datatype, shape, data, parameters } = input
  if (typeof name !== 'string') throw badInput('an input has no name')
  const type = typeof datatype === 'string' ? byInferenceName.get(datatype) : undefined
  if (type === undefined) {
    throw badInput(`input ${name}: expected a datatype of ${[...byInferenceName.keys()].join(', ')}`)
  }
  if (!isShape(shape)) throw badInput(`input ${name}: 'shape' must be a list of whole numbers`)
  const spec: TensorSpec = signature.inputs.find((one) => one.name === name) ?? { name, type, shape: null }
  const size = isObject(parameters) ? parameters['binary_data_size'] : undefined
  if (size !== undefined) {
    if (data !== undefined) throw badInput(`input ${name}: there are both 'data' and 'binary_data_size'`)
    return fromBinary({ name, type, shape }, reader.take(name, size))
  }
  if (data === undefined) throw badInput(`input ${name}: there is neither 'data' nor 'binary_data_size'`)
  // By the type of the request: another than that of the model is refused with both, when inputs are checked.
  return fromFlatJson({ ...spec, type }, data, shape, most)
}

function fromBinary({ name, type, shape }: { name: string; type: DataType; shape: number[] }, bytes: Buffer): Tensor {
  const count = countOf(shape)
  if (type === 'string') {
    const values = unpackStrings(bytes)
    if (values?.length === count) return { name, type, shape, bytes }
    throw badInput(`input ${name}: expected ${count} byte strings, each behind its length in four bytes`)
  }
  const wanted = count * dataTypes[type].bytes
  if (bytes.length === wanted) return { name, type, shape, bytes }
  throw badInput(
    `input ${name}: ${dataTypes[type].inference} [${shape.join(', ')}] has ${wanted} bytes, got ${bytes.length}`,
  )
}

const isShape = (shape: unknown): shape is number[] =>
  Array.isArray(shape) && shape.length <= 32 && shape.every((length) => Number.isSafeInteger(length) && length >= 0)

function readOutput({ name, parameters }: Record<string, unknown>, binary: boolean): WantedOutput {
  if (typeof name !== 'string') throw badInput('an output has no name')
  const options = isObject(parameters) ? parameters : {}
  const classes = options['classification'] ?? 0
  if (typeof classes !== 'number' || !Number.isInteger(classes) || classes < 0) {
    throw badInput(`output ${name}: 'classification' must be a whole number`)
  }
  const own = options['binary_data']
  return { name, binary: typeof own === 'boolean' ? own : binary, classes }
}
