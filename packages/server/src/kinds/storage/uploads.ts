import type { StorageUpload } from '@nabla/api/storage'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { fromIso } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import { parseRelativePath } from '../../lib/safe-path.ts'
import { freeBytes } from '../../volumes/ballast.ts'
import type { Upload, UploadPlan } from '../../volumes/upload-store.ts'
import type { Caller, Handlers } from '../kind.ts'
import { tellOfStorage } from './tell.ts'
import { admission, storageOf } from './volume.ts'

type UploadRoutes = 'beginUpload' | 'showUpload' | 'appendUpload' | 'finishUpload' | 'cancelUpload'

/** Large files, part by part. */
export const uploadHandlers: Pick<Handlers<'storage'>, UploadRoutes> = {
  async beginUpload({ caller, body, signal }, deps) {
    const storage = await storageOf(deps, caller)
    const plan: UploadPlan = {
      path: parseRelativePath(body.path),
      sizeBytes: body.sizeBytes,
      sha256: body.sha256 ?? null,
      modifiedMs: body.modifiedAt === undefined ? null : fromIso(body.modifiedAt),
      executable: body.executable,
    }
    const admit = await admission(deps, caller, storage, { signal })
    const present = await deps.uploads.list(storage.volume)
    const same = present.find((upload) => isSame(upload, plan))
    // Counted already, if it was begun before.
    if (same) return toAnswer(same)
    admit(plan.sizeBytes)
    if (present.length >= limits.uploadsAtOnce) {
      throw new AppError('busy', { detail: `the team sends ${present.length} files in parts, and no more are taken` })
    }
    const expected = present.reduce((sum, { sizeBytes, offsetBytes }) => sum + sizeBytes - offsetBytes, plan.sizeBytes)
    if (expected > (await freeBytes(storage.root))) throw new AppError('disk_full')
    return toAnswer(await deps.uploads.begin(storage.volume, newId('upload'), plan, deps.clock.now()))
  },

  async showUpload({ caller, params }, deps) {
    const { upload } = await findUpload(deps, caller, params.upload)
    return toAnswer(upload)
  },

  async appendUpload({ caller, params, query, upload: source }, deps) {
    const { volume, upload } = await findUpload(deps, caller, params.upload)
    if (deps.ballast.isReleased) throw new AppError('disk_full')
    const part = { offset: query.offset, source, now: () => deps.clock.now() }
    return toAnswer(await deps.uploads.append(volume, upload, part))
  },

  async finishUpload({ caller, params, body, signal }, deps) {
    const { volume, root, upload } = await findUpload(deps, caller, params.upload)
    const admit = await admission(deps, caller, { volume, root }, { signal, except: upload.id })
    admit(upload.sizeBytes)
    const written = await deps.uploads.finish(volume, upload, {
      target: root,
      sha256: body.sha256,
      now: deps.clock.now(),
    })
    tellOfStorage(deps, caller, volume, upload.path)
    return { path: upload.path, ...written }
  },

  async cancelUpload({ caller, params }, deps) {
    const { volume, upload } = await findUpload(deps, caller, params.upload)
    await deps.uploads.cancel(volume, upload.id)
    return { deleted: true }
  },
}

async function findUpload(deps: Deps, caller: Caller, id: string) {
  const storage = await storageOf(deps, caller)
  const upload = await deps.uploads.find(storage.volume, id)
  if (!upload) throw new AppError('not_found', { noun: 'upload', id })
  return { ...storage, upload }
}

/** Begun with the same words: by a client that was cut off, and comes back. */
function isSame(upload: Upload, plan: UploadPlan): boolean {
  const { path, sizeBytes, sha256, modifiedMs, executable } = plan
  return (
    upload.path === path &&
    upload.sizeBytes === sizeBytes &&
    upload.sha256 === sha256 &&
    upload.modifiedMs === modifiedMs &&
    upload.executable === executable
  )
}

function toAnswer({ id, path, sizeBytes, offsetBytes }: Upload): StorageUpload {
  return { id, path, sizeBytes, offsetBytes, partBytes: limits.uploadPartBytes }
}
