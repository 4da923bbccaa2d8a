import type { Client } from '@nabla/api/client'
import { posix } from 'node:path'
import type { Context } from '../context.ts'
import { planUpload, upload } from './copy.ts'
import { storagePlace } from './places.ts'
import { type Item, selectLocal } from './select.ts'

export interface Put {
  files: number
  sizeBytes: number
}

/**
 * Sends files and whole folders into storage, each to the path that is given for it. Files that are there already with
 * the same size and time are counted, not sent. Links and special files are left out, with a warning.
 */
export async function putFiles(
  context: Context,
  client: Client,
  sources: readonly { path: string; to: string }[],
): Promise<Put> {
  const place = storagePlace(client)
  const { writer } = place
  const items: Item[] = []
  const odd: string[] = []
  for (const { path, to } of sources) {
    const found = await selectLocal(context.cwd, path, { recursive: true, contents: true })
    const isFile = found.items.length === 1 && found.items[0]?.from === path
    items.push(...found.items.map((item) => ({ ...item, to: isFile ? to : posix.join(to, item.to) })))
    odd.push(...found.odd)
  }
  if (odd.length > 0) {
    const names = odd.slice(0, 5).map((name) => posix.basename(name))
    context.out.warn(`left out, because they are no plain files: ${names.join(', ')}`)
  }
  const transfer = { context, checksum: false }
  const plan = await planUpload(transfer, place, items, '')
  if (writer) await upload(transfer, { place, writer }, plan, '')
  return { files: items.length, sizeBytes: items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
}
