import { readParam, type SpaceInput } from '@nabla/api/param-text'
import { usageError } from '../cli-error.ts'

/** Reads `--param`. Throws a usage error. */
export function paramOf(text: string): SpaceInput {
  const read = readParam(text)
  if ('fault' in read) throw usageError(read.fault, read.fix)
  return { [read.name]: read.parameter }
}
