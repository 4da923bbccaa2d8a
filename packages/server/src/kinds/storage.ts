import type { StorageUsage } from '@nabla/api/storage'
import type { Deps } from '../deps.ts'
import { fromIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { freeBytes } from '../volumes/ballast.ts'
import { copyTree } from '../volumes/copy.ts'
import { list, makeFolder, remove, write } from '../volumes/folder.ts'
import { move } from '../volumes/move.ts'
import { receiveTar } from '../volumes/receive-tar.ts'
import { measureTree, usage } from '../volumes/usage.ts'
import { artifactsOf } from './artifact.ts'
import { openContentLink } from './content.ts'
import { hashOne, sendArchive, sendFile, sendFiles } from './files.ts'
import type { Caller, Handlers } from './kind.ts'
import { tellOfStorage } from './storage/tell.ts'
import { uploadHandlers } from './storage/uploads.ts'
import { admission, quotaOf, storageOf } from './storage/volume.ts'

export const storageHandlers: Handlers<'storage'> = {
  ...uploadHandlers,

  async list({ caller, query, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    const { path, recursive, limit, after } = query
    return list(root, path, { recursive, limit, signal, ...(after === undefined ? {} : { after }) })
  },

  async get({ caller, query, headers, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    return sendFile(root, query.path, { headers, signal, now: deps.clock.now() })
  },

  async checksum({ caller, query, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    return hashOne(root, query.path, { signal, now: deps.clock.now() })
  },

  async open({ caller, body, origins }, deps) {
    const { volume } = await storageOf(deps, caller)
    return openContentLink(deps, { caller, origins }, volume, body.path)
  },

  async archive({ caller, query, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    return sendArchive(root, query, 'storage', signal)
  },

  async pack({ caller, body, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    return sendFiles(root, body, 'storage', signal)
  },

  async unpack({ caller, query, upload, signal }, deps) {
    const storage = await storageOf(deps, caller)
    const admit = await admission(deps, caller, storage, { signal })
    const received = await receiveTar(storage.root, query.path, upload, admit)
    tellOfStorage(deps, caller, storage.volume, query.path)
    return received
  },

  async put({ caller, query, upload, signal }, deps) {
    const storage = await storageOf(deps, caller)
    const admit = await admission(deps, caller, storage, { signal })
    const written = await write(storage.root, query.path, upload, {
      admit,
      executable: query.executable,
      ...(query.sha256 === undefined ? {} : { expectedSha256: query.sha256 }),
      ...(query.modifiedAt === undefined ? {} : { modifiedMs: fromIso(query.modifiedAt) }),
    })
    tellOfStorage(deps, caller, storage.volume, query.path)
    return { path: query.path, ...written }
  },

  async copy({ caller, body, signal }, deps) {
    const storage = await storageOf(deps, caller)
    const { job, path } = body.from
    const { root } = job === undefined ? storage : await artifactsOf(deps, caller, job)
    const admit = await admission(deps, caller, storage, { signal })
    const until = deps.clock.steady() + limits.copyMs
    const target = { root: storage.root, path: body.to }
    const copied = await copyTree({ root, path }, target, { admit, signal, isOver: () => deps.clock.steady() > until })
    tellOfStorage(deps, caller, storage.volume, body.to)
    return copied
  },

  async move({ caller, body }, deps) {
    const { root, volume } = await storageOf(deps, caller)
    await move(root, body.from, body.to, { overwrite: body.overwrite })
    tellOfStorage(deps, caller, volume, body.to, body.from)
    return { path: body.to }
  },

  async makeFolder({ caller, body }, deps) {
    const { root, volume } = await storageOf(deps, caller)
    await makeFolder(root, body.path)
    tellOfStorage(deps, caller, volume, body.path)
    return { path: body.path }
  },

  async delete({ caller, query }, deps) {
    const { root, volume } = await storageOf(deps, caller)
    await remove(root, query.path, { recursive: query.recursive })
    tellOfStorage(deps, caller, volume, query.path)
    return { deleted: true }
  },

  async du({ caller, query, signal }, deps) {
    const { root } = await storageOf(deps, caller)
    const until = deps.clock.steady() + limits.duMs
    const isOver = (entries: number) => entries >= limits.duEntries || deps.clock.steady() > until
    return measureTree(root, query.path, { depth: query.depth, limit: query.limit, isOver, signal })
  },

  usage: ({ caller, signal }, deps) => measure(deps, caller, signal),
}

/** Gives up uploads that nobody has gone on with. */
export function sweepUploads({ uploads, clock }: Pick<Deps, 'uploads' | 'clock'>): Promise<void> {
  return uploads.sweep(clock.now() - limits.unfinishedUploadMs)
}

async function measure(deps: Deps, caller: Caller, signal: AbortSignal): Promise<StorageUsage> {
  const { root } = await storageOf(deps, caller)
  const [used, free, quotaBytes] = await Promise.all([usage(root, signal), freeBytes(root), quotaOf(deps, caller)])
  const left = quotaBytes === null ? free : Math.max(0, Math.min(free, quotaBytes - used.bytes))
  return { region: 'local', usedBytes: used.bytes, files: used.files, quotaBytes, freeBytes: left }
}
