import { AppError } from '../lib/app-error.ts'
import type { ObjectStore } from '../stores/store.ts'
import { readVerified } from './blobs.ts'
import { type Manifest, manifest, manifestPrefix } from './format.ts'

/** The newest backup of a place; undefined if there is none. Throws `backup_damaged`, `backup_unusable`. */
export async function latestManifest(
  store: ObjectStore,
  signal: AbortSignal,
): Promise<{ key: string; manifest: Manifest } | undefined> {
  let latest = ''
  for await (const { key } of store.list(manifestPrefix, signal)) if (key > latest) latest = key
  return latest === '' ? undefined : { key: latest, manifest: await readManifest(store, latest, signal) }
}

/** Throws AppError `backup_damaged`, `backup_unusable`. */
export async function readManifest(store: ObjectStore, key: string, signal: AbortSignal): Promise<Manifest> {
  const bytes = await readVerified(store, key, key.slice(-64), signal)
  const parsed = manifest.safeParse(JSON.parse(bytes.toString()))
  if (parsed.success) return parsed.data
  throw new AppError('backup_unusable', { reason: 'it was made by another version of Nabla, in another form' })
}

/** As `latestManifest`; throws AppError `no_backup` if there is none. */
export async function needManifest(
  store: ObjectStore,
  signal: AbortSignal,
): Promise<{ key: string; manifest: Manifest }> {
  const found = await latestManifest(store, signal)
  if (found) return found
  throw new AppError('no_backup', { place: store.place })
}
