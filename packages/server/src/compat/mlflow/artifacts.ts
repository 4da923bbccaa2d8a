import { z } from 'zod'
import { type CompatRequest, type CompatRoute, compatRoute } from '../site.ts'
import type { Deps } from '../../deps.ts'
import { sendFile } from '../../kinds/files.ts'
import { assertReady, resolveModel } from '../../kinds/model/find.ts'
import { trackedFiles } from '../../kinds/run/files.ts'
import { AppError } from '../../lib/app-error.ts'
import { looksLikeId } from '../../lib/ids.ts'
import { limits } from '../../lib/limits.ts'
import type { Files } from '../../volumes/files.ts'
import { list, remove, stat, write } from '../../volumes/folder.ts'
import { pageToken, runId } from './fields.ts'
import { artifactUri } from './present.ts'

const path = z.string().max(4000).default('')

/** Files of runs: what the tracking API says of them, and the proxy through which clients send and fetch them. */
export const artifactRoutes = [
  compatRoute(
    'GET',
    '/mlflow/artifacts/list',
    z.object({ run_id: runId, path, page_token: pageToken }),
    async ({ caller, input }, deps) => {
      const files = await listIn(deps, { caller, ownerId: input.run_id, path: input.path })
      const prefix = input.path === '' ? '' : `${input.path.replace(/\/+$/, '')}/`
      return {
        root_uri: artifactUri(input.run_id),
        files: files.map((file) => ({ ...file, path: prefix + file.path })),
      }
    },
  ),
  compatRoute('GET', '/mlflow-artifacts/artifacts', z.object({ path }), async ({ caller, input }, deps) => {
    const [ownerId, below] = split(input.path)
    return { files: await listIn(deps, { caller, ownerId, path: below }) }
  }),
]

const file = '/mlflow-artifacts/artifacts/*'

/** One file at a time, of any size: it is sent as the body itself. */
export const artifactFileRoutes: CompatRoute[] = [
  {
    method: 'GET',
    path: file,
    async handler({ caller, params, headers, signal }, deps) {
      const [ownerId, below] = split(params['*'] ?? '')
      if (looksLikeId('modelVersion', ownerId)) {
        const files = await versionFiles(deps, caller, ownerId)
        return { file: await sendFile(files, below, { headers, signal, now: deps.clock.now() }) }
      }
      const { root, relative } = await placeOf(deps, caller, params)
      return { file: await sendFile(root, relative, { headers, signal, now: deps.clock.now() }) }
    },
  },
  {
    method: 'PUT',
    path: file,
    bytes: true,
    maxBodyBytes: limits.storedFileBytes,
    async handler({ caller, params, upload }, deps) {
      const { root, relative } = await placeOf(deps, caller, params)
      await write(root, relative, upload)
      return { json: {} }
    },
  },
  {
    method: 'DELETE',
    path: file,
    async handler({ caller, params }, deps) {
      const { root, relative } = await placeOf(deps, caller, params)
      await remove(root, relative, { recursive: true })
      return { json: {} }
    },
  },
]

type Caller = CompatRequest['caller']

async function placeOf(deps: Deps, caller: Caller, params: Record<string, string>) {
  const [ownerId, below] = split(params['*'] ?? '')
  if (below === '') throw new AppError('bad_path', { path: ownerId, reason: 'it names no file of the run' })
  const { root, prefix } = await trackedFiles(deps, caller, ownerId)
  return { root, relative: prefix + below }
}

/** The run or model, and the path in it. */
function split(path: string): [string, string] {
  const [ownerId = '', ...below] = path.replace(/^\/+/, '').split('/')
  return [ownerId, below.join('/').replace(/\/+$/, '')]
}

async function listIn(
  deps: Deps,
  { caller, ownerId, path: below }: { caller: Caller; ownerId: string; path: string },
): Promise<{ path: string; is_dir: boolean; file_size?: number }[]> {
  if (looksLikeId('modelVersion', ownerId)) return listInVersion(await versionFiles(deps, caller, ownerId), below)
  const { root, prefix } = await trackedFiles(deps, caller, ownerId)
  const folder = `${prefix}${below}`.replace(/\/+$/, '')
  try {
    // Clients ask what is in a file, too.
    if (folder !== '' && (await stat(root, folder)).type === 'file') return []
    const { items } = await list(root, folder, { limit: mostListed })
    return items.map(({ path: whole, type, sizeBytes }) => ({
      path: whole.slice(folder === '' ? 0 : folder.length + 1),
      is_dir: type === 'folder',
      ...(type === 'folder' ? {} : { file_size: sizeBytes }),
    }))
  } catch (error) {
    if (error instanceof AppError && error.code === 'file_not_found') return []
    throw error
  }
}

/** The files of a version that was registered: nobody writes to them any more. */
async function versionFiles(deps: Deps, caller: Caller, versionId: string): Promise<Files> {
  const { model, version } = await resolveModel(deps.db, caller.teamId, versionId)
  return deps.trees.open(caller.teamId, assertReady(model, version).digest)
}

async function listInVersion(files: Files, folder: string) {
  if (folder !== '' && (await files.stat(folder)).type === 'file') return []
  const { items } = await files.list(folder, { limit: mostListed })
  return items.map(({ path: whole, type, sizeBytes }) => ({
    path: whole.slice(folder === '' ? 0 : folder.length + 1),
    is_dir: type === 'folder',
    ...(type === 'folder' ? {} : { file_size: sizeBytes }),
  }))
}

/** Clients ask for no further page. */
const mostListed = 50_000
