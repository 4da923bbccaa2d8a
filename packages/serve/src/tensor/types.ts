/** Types of tensors and what each protocol calls them. */

/** `bytes` per value; 0 for strings, which differ. */
export const dataTypes = {
  bool: { bytes: 1, inference: 'BOOL', tensorflow: 'DT_BOOL' },
  int8: { bytes: 1, inference: 'INT8', tensorflow: 'DT_INT8' },
  int16: { bytes: 2, inference: 'INT16', tensorflow: 'DT_INT16' },
  int32: { bytes: 4, inference: 'INT32', tensorflow: 'DT_INT32' },
  int64: { bytes: 8, inference: 'INT64', tensorflow: 'DT_INT64' },
  uint8: { bytes: 1, inference: 'UINT8', tensorflow: 'DT_UINT8' },
  uint16: { bytes: 2, inference: 'UINT16', tensorflow: 'DT_UINT16' },
  uint32: { bytes: 4, inference: 'UINT32', tensorflow: 'DT_UINT32' },
  uint64: { bytes: 8, inference: 'UINT64', tensorflow: 'DT_UINT64' },
  float16: { bytes: 2, inference: 'FP16', tensorflow: 'DT_HALF' },
  float32: { bytes: 4, inference: 'FP32', tensorflow: 'DT_FLOAT' },
  float64: { bytes: 8, inference: 'FP64', tensorflow: 'DT_DOUBLE' },
  string: { bytes: 0, inference: 'BYTES', tensorflow: 'DT_STRING' },
} as const

export type DataType = keyof typeof dataTypes

export const isDataType = (name: string): name is DataType => Object.hasOwn(dataTypes, name)

/** By the name that the Open Inference Protocol has for it, such as `FP32`. */
export const byInferenceName: ReadonlyMap<string, DataType> = new Map(
  (Object.keys(dataTypes) as DataType[]).map((type) => [dataTypes[type].inference, type]),
)

/** An input or output of a model. A dimension is a number, or null where any length will do; shape null: not known. */
export interface TensorSpec {
  name: string
  type: DataType
  shape: (number | null)[] | null
}

/** What a model takes and gives. */
export interface Signature {
  inputs: TensorSpec[]
  outputs: TensorSpec[]
}

/**
 * Values in row-major order, little-endian. Strings lie one after another, each behind its length in four bytes: the
 * form of the binary tensors of the Open Inference Protocol. So tensors can be joined and sent on without being read.
 */
export interface Tensor {
  name: string
  type: DataType
  shape: number[]
  bytes: Uint8Array
}

/** How many values a shape has. */
export function countOf(shape: readonly number[]): number {
  let count = 1
  for (const length of shape) count *= length
  return count
}

/** A shape for people: `[?, 3]`. */
export const shapeText = (shape: readonly (number | null)[] | null): string =>
  shape === null ? '[any shape]' : `[${shape.map((length) => length ?? '?').join(', ')}]`

/** `float32 [?, 3]`. */
export const specText = ({ type, shape }: Pick<TensorSpec, 'type' | 'shape'>): string => `${type} ${shapeText(shape)}`

/** Whether a tensor of this shape may be given where that one is asked for. */
export const fits = (shape: readonly number[], wanted: readonly (number | null)[] | null): boolean =>
  wanted === null ||
  (shape.length === wanted.length && wanted.every((length, axis) => length === null || length === shape[axis]))
