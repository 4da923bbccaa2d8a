import { mkdir, mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Tree } from '@nabla/api/tree'
import { workflowLimits } from '@nabla/api/workflow-check'
import type { WorkflowOutputRow } from '../../db/workflow-tables.ts'
import type { Deps } from '../../deps.ts'
import { AppError } from '../../lib/app-error.ts'
import { makeOutboundRules } from '../../lib/outbound-rules.ts'
import { fetchUrl } from '../../volumes/fetch-url.ts'
import { openRead } from '../../volumes/folder.ts'
import { removeTree } from '../../volumes/remove-tree.ts'
import { resolveSecrets } from '../secret.ts'
import type { OutputSource } from './outputs.ts'

/** The files of an output as a tree. May be broken off at any point and begun anew. Throws AppError. */
export async function treeOf(
  deps: Deps,
  row: WorkflowOutputRow,
  projectId: string,
  signal: AbortSignal,
): Promise<Tree> {
  const source = JSON.parse(row.source) as OutputSource
  switch (source.from) {
    case 'job': {
      const folder = await artifactsOf(deps, source.job)
      return ingest(deps, row.teamId, folder, signal, row.name)
    }
    case 's3':
      return inFolder(deps, async (folder) => {
        const files = join(folder, source.folder)
        await mkdir(dirname(files), { recursive: true })
        await fetch(
          deps,
          { ...source, password: await passwordOf(deps, row, projectId, source.password) },
          files,
          signal,
        )
        return ingest(deps, row.teamId, folder, signal)
      })
    case 'nothing':
    case 'input':
      return inFolder(deps, async (folder) => {
        await mkdir(folder)
        return ingest(deps, row.teamId, folder, signal)
      })
    default:
      return source satisfies never
  }
}

/** The text that a job left as an output. Throws AppError when there is none, or it is no short text. */
export async function textOf(deps: Deps, row: WorkflowOutputRow): Promise<string> {
  const source = JSON.parse(row.source) as OutputSource
  if (source.from !== 'job') return ''
  const { stream, sizeBytes } = await openRead(await artifactsOf(deps, source.job), row.name)
  if (sizeBytes > workflowLimits.stringBytes) {
    stream.destroy()
    const detail = `A string has at most ${workflowLimits.stringBytes} bytes; this one has ${sizeBytes}. Use a volume.`
    throw new AppError('invalid', { detail })
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await buffer(stream))
    if (!text.includes('\0')) return text
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
  throw new AppError('invalid', { detail: 'It is not text in UTF-8. Use a volume for other files.' })
}

async function artifactsOf(deps: Deps, jobId: string): Promise<string> {
  const row = await deps.db
    .selectFrom('jobs')
    .innerJoin('volumes', 'volumes.id', 'jobs.artifactsId')
    .select('volumes.id')
    .where('jobs.id', '=', jobId)
    .where('volumes.deletedAt', 'is', null)
    .executeTakeFirst()
  if (!row) throw new AppError('invalid', { detail: 'Its job was deleted before that.' })
  return deps.volumes.volumeDir(row.id)
}

async function ingest(deps: Deps, teamId: string, dir: string, signal: AbortSignal, path?: string): Promise<Tree> {
  const found = await deps.trees.ingest(teamId, dir, signal, path === undefined ? {} : { path })
  const [first] = found.leftOut
  if (first) throw new AppError('bad_path', { path: first.path, reason: first.reason })
  return found.tree
}

async function inFolder<T>(deps: Deps, use: (folder: string) => Promise<T>): Promise<T> {
  // Emptied at every start.
  const staging = await mkdtemp(join(deps.volumes.stagingDir(), 'workflow-'))
  try {
    return await use(join(staging, 'files'))
  } finally {
    await removeTree(staging)
  }
}

async function fetch(
  deps: Deps,
  source: Extract<OutputSource, { from: 's3' }>,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const { port, contentPort, fetchHosts } = deps.config
  const rules = makeOutboundRules({ hosts: fetchHosts, ownPorts: [port, contentPort ?? port + 1] })
  const { url, username, password, endpoint, region } = source
  const object = { url, username, password, endpoint, region, expand: false }
  await fetchUrl(object, dir, { rules, clock: deps.clock, signal, onProgress: () => undefined })
}

async function passwordOf(deps: Deps, row: WorkflowOutputRow, projectId: string, value: string): Promise<string> {
  const name = value.replace(/^secret:/, '')
  const found = await resolveSecrets(deps.db, deps.box, row.teamId, projectId, [name])
  const secret = found.get(name)
  if (secret === undefined) throw new AppError('unknown_secret', { name })
  return secret
}
