import { type FileHandle, open } from 'node:fs/promises'
import { Header, Pax } from 'tar'
import { systemCode } from '../cli-error.ts'
import { limits } from '../limits.ts'
import type { Item } from './select.ts'

const blockBytes = 512

/**
 * A tar (pax) of files here, by their path below the target, in chunks of some size. One that has vanished or cannot be
 * read is left out and named in `left`.
 */
export async function* tarOf(items: readonly Item[], left: Set<string>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = []
  let bytes = 0
  for (const item of items) {
    for await (const piece of memberOf(item, left)) {
      waiting.push(piece)
      bytes += piece.byteLength
      if (bytes < limits.readBytes) continue
      yield Buffer.concat(waiting)
      waiting = []
      bytes = 0
    }
  }
  // The end of an archive is two blocks of zeros.
  yield Buffer.concat([...waiting, Buffer.alloc(2 * blockBytes)])
}

async function* memberOf(item: Item, left: Set<string>): AsyncGenerator<Uint8Array> {
  const content = await readWhole(item, left)
  if (!content) return
  const mode = item.executable ? 0o755 : 0o644
  const data = { path: item.to, size: content.byteLength, mode, mtime: new Date(item.modifiedMs), uid: 0, gid: 0 }
  const block = Buffer.alloc(blockBytes)
  const needsPax = new Header({ ...data, type: 'File' }).encode(block)
  if (needsPax) yield new Pax(data).encode()
  yield block
  yield content
  yield Buffer.alloc((blockBytes - (content.byteLength % blockBytes)) % blockBytes)
}

/** Only small files come this way, so each is read at once: as it is at that moment. */
async function readWhole({ from }: Item, left: Set<string>): Promise<Buffer | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(from)
    return await file.readFile()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    left.add(from)
    return undefined
  } finally {
    await file?.close()
  }
}
