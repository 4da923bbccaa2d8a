import type { Interpretation, ModelFormat, ModelLayer } from '@nabla/api/model-format'
import { bounds, countOf } from './reader.ts'

/** What the reader of one format finds; what it leaves out is not known. */
export type Found = Partial<
  Omit<Interpretation, 'format' | 'layers' | 'layerCount' | 'parameters' | 'pickles' | 'verdict'>
> & {
  format: ModelFormat
  weights?: Weights
}

/** Layers as they are counted: all of them, of which the first are kept. */
export class Weights {
  readonly layers: ModelLayer[] = []
  count = 0
  /** Null once one is not known. */
  parameters: number | null = 0

  add(layer: ModelLayer): void {
    this.count += 1
    if (this.layers.length < bounds.layers) this.layers.push(layer)
    const sum = this.parameters === null || layer.parameters === null ? null : this.parameters + layer.parameters
    this.parameters = sum !== null && Number.isSafeInteger(sum) ? sum : null
  }

  /** Adds a tensor with values of so many bytes each. */
  addTensor(name: string, type: string, shape: readonly number[], valueBytes: number | null): void {
    const parameters = countOf(shape)
    const sizeBytes = parameters === null || valueBytes === null ? null : Math.ceil(parameters * valueBytes)
    this.add({ name, type, shape: [...shape], parameters, sizeBytes })
  }
}

/** Bytes of one value, by the name of its type; null: not known. */
export function bytesOfType(type: string): number | null {
  return typeBytes[type] ?? null
}

const typeBytes: Record<string, number> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float8: 1,
  float8e4m3fn: 1,
  float8e4m3fnuz: 1,
  float8e5m2: 1,
  float8e5m2fnuz: 1,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  complex64: 8,
  complex128: 16,
  int4: 0.5,
  uint4: 0.5,
}
