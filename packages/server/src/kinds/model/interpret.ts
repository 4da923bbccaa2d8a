import type { Interpretation, ModelGraph } from '@nabla/api/model-format'
import { readGraph } from '../../formats/graph.ts'
import { interpretModel } from '../../formats/interpret.ts'
import { FormatError, type ModelFile, type ModelFiles } from '../../formats/reader.ts'
import { AppError } from '../../lib/app-error.ts'
import type { Clock } from '../../lib/clock.ts'
import { modelLimits } from '../../lib/model-limits.ts'
import type { FileTree } from '../../trees/file-tree.ts'

/**
 * Reads what the files of a model say of themselves: ranges of them, never all, and nothing of them is run. Throws
 * AppError `bad_model` for a file that is damaged or lies, and `damaged_chunk`.
 */
export async function interpretTree(files: FileTree, clock: Clock, signal: AbortSignal): Promise<Interpretation> {
  return orBad(async () => interpretModel(await filesOf(files, clock, signal)))
}

/** The graph of a model, for pictures. Throws as `interpretTree` does. */
export async function graphOfTree(files: FileTree, clock: Clock, signal: AbortSignal): Promise<ModelGraph> {
  return orBad(async () => readGraph(await filesOf(files, clock, signal)))
}

async function filesOf(tree: FileTree, clock: Clock, signal: AbortSignal): Promise<ModelFiles> {
  const page = await tree.list('', { recursive: true, limit: modelLimits.modelFiles, signal })
  const deadline = clock.steady() + modelLimits.interpretMs
  const files = page.items
    .filter(({ type }) => type === 'file')
    .map(({ path, sizeBytes }): ModelFile => {
      const read = async (start: number, length: number): Promise<Buffer> => {
        signal.throwIfAborted()
        if (clock.steady() > deadline) throw new FormatError(path, 'it takes too long to be read')
        return readRange(tree, path, start, length)
      }
      return { path, sizeBytes, read }
    })
  return { files, complete: page.next === null }
}

async function readRange(tree: FileTree, path: string, start: number, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0)
  const { stream } = await tree.openRead(path, { range: { start, end: start + length - 1 } })
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function orBad<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof FormatError) throw new AppError('bad_model', { path: error.path, reason: error.message })
    throw error
  }
}
