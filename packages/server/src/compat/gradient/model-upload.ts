import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { newId } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { write } from '../../volumes/folder.ts'
import { removeTree } from '../../volumes/remove-tree.ts'
import type { Exchange } from './route.ts'
import { untilReady } from './until-ready.ts'

/**
 * Makes a version of a model of one file that was sent. What the client packed, which is a folder, is unpacked; any
 * other file stays as it is. Throws AppError.
 */
export async function takeModelFile(
  exchange: Exchange,
  { model, fileName }: { model: string; fileName: string },
  file: Readable,
): Promise<void> {
  const { call, deps } = exchange
  const name = fileName.split(/[\\/]/).at(-1) || 'model'
  const digest = name === packed ? await unpacked(exchange, file) : await asItIs(exchange, name, file)
  const after = await deps.feed.latest()
  const body = { source: { from: 'tree' as const, digest }, type: typeOf(model) }
  const made = await call('model', 'commit', { model, body })
  await untilReady(exchange, made, {
    subject: model,
    after,
    read: (version) => call('model', 'version', { model, version }),
  })
}

/** What the client calls the archive that it makes of a folder. */
const packed = 'model.zip'

async function unpacked({ call }: Exchange, file: Readable): Promise<string> {
  return (await call('workspace', 'upload', { upload: file } as never)).digest
}

async function asItIs({ caller, deps, signal }: Exchange, name: string, file: Readable): Promise<string> {
  const staging = join(deps.volumes.stagingDir(), newId('volume'))
  try {
    await mkdir(staging, { mode: 0o700 })
    await write(staging, name, file)
    return (await deps.trees.ingest(caller.teamId, staging, signal)).tree.digest
  } finally {
    await removeTree(staging)
  }
}

/** What models are said to be whose files are still to come: told before them, and forgotten by a restart. */
const types = new Map<string, string>()

export function rememberType(model: string, type: string): void {
  types.set(model, type)
  const [oldest] = types.keys()
  if (types.size > limits.gradientListed && oldest !== undefined) types.delete(oldest)
}

function typeOf(model: string): string | undefined {
  const type = types.get(model)
  types.delete(model)
  return type
}
