import { lstatSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { DatasetVersion } from '@nabla/api/dataset'
import type { Client } from '@nabla/api/client'
import { CliError, isApiError, usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { oddities } from '../workspace/say-what-goes.ts'
import { type Scan, scanData, scanFile } from '../workspace/scan.ts'
import type { CopyTotals } from './copy.ts'
import { syncScanned } from './upload.ts'

type Commit = Parameters<Client['dataset']['commit']>[0]['body']

export interface Push {
  name: string
  /** A folder or file here. */
  path: string
  message?: string | undefined
  tags?: readonly string[]
  onto?: string | undefined
}

export interface Pushed extends CopyTotals {
  version: DatasetVersion
  /** The latest version was the same. */
  isSame: boolean
}

/** Makes a version of a folder or file: sends what the server lacks of it, and says what became of it. */
export async function pushVersion(context: Context, { name, path, message, tags = [], onto }: Push): Promise<Pushed> {
  const { out } = context
  const { folder, scan } = lookAtFiles(context, resolve(context.cwd, path), path, 'dataset')
  out.note(`Dataset ${name}: ${plural(scan.files, 'file')}, ${formatBytes(scan.sizeBytes)}`)
  for (const text of oddities(scan)) out.warn(text)
  const client = await context.client()
  const before = await latestOf(client, name)
  const made = await syncScanned(context, { folder, scan }, (calls, digest) =>
    calls.dataset.commit({
      dataset: name,
      body: { source: { from: 'tree', digest }, tags: [...tags], ...given({ message, base: onto }) },
    }),
  )
  const isSame = made.version === before?.version
  const version = await untilReady(context, name, made)
  if (isSame) out.note(`Nothing changed: ${name}:${version.version} is the same.`)
  else out.note(`Made ${name}:${version.version}`)
  const sum = { files: isSame ? 0 : version.files, sizeBytes: isSame ? 0 : version.sizeBytes }
  return { version, isSame, ...sum, equal: isSame ? version.files : 0 }
}

/** Makes a version of what the server fetches by itself, and waits until it is there. */
export async function importVersion(
  context: Context,
  name: string,
  body: Commit,
  wait = true,
): Promise<DatasetVersion> {
  const client = await context.client()
  const made = await client.dataset.commit({ dataset: name, body })
  if (!wait) {
    context.out.note(`${name}:${made.version} is being prepared; jobs that name it wait for it.`)
    return made
  }
  const version = await untilReady(context, name, made)
  const size = `${plural(version.files, 'file')}, ${formatBytes(version.sizeBytes)}`
  context.out.note(`Made ${name}:${version.version} (${size})`)
  if (version.reason !== null) context.out.warn(version.reason)
  return version
}

/** Waits for a version that is being prepared. Throws CliError with the reason when it fails. */
export async function untilReady(context: Context, name: string, made: DatasetVersion): Promise<DatasetVersion> {
  const client = await context.client()
  let version = made
  for (let pauseMs: number = limits.retryFirstMs; version.state === 'preparing';) {
    const soFar = version.sizeBytes > 0 ? `: ${formatBytes(version.sizeBytes)} so far` : ''
    context.out.status(`The server prepares ${name}:${made.version}${soFar}`)
    await pause(pauseMs)
    pauseMs = Math.min(pauseMs * 2, limits.retryMostMs)
    version = await client.dataset.version({ dataset: name, version: String(made.version) })
  }
  context.out.clearStatus()
  if (version.state !== 'failed') return version
  throw new CliError(
    `Version ${version.version} of ${name} failed: ${version.reason ?? ''}`,
    `It can be deleted: nabla dataset delete ${name}:${version.version}`,
  )
}

/** What a folder or file here holds, all of it. Throws CliError if it is not there. */
export function lookAtFiles(
  { out, settings: { cacheFolder, configFile: keyFile }, io: { now } }: Context,
  path: string,
  text: string,
  noun: string,
): { folder: string; scan: Scan } {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (!stats) throw new CliError(`There is no file ${text} here.`, 'Check its path.', 'notFound')
  if (stats.isFile())
    return { folder: dirname(path), scan: scanFile(dirname(path), basename(path), { cacheFolder, now }) }
  if (path === '/') throw usageError(`The whole machine is no ${noun}.`, 'Name a folder.')
  out.status('Looking at the files')
  const scan = scanData(path, { cacheFolder, keyFile, now })
  out.clearStatus()
  return { folder: path, scan }
}

async function latestOf(client: Client, name: string): Promise<DatasetVersion | null> {
  try {
    return (await client.dataset.show({ dataset: name })).latest
  } catch (error) {
    if (isApiError(error) && error.code === 'not_found') return null
    throw error
  }
}

function given<Values extends Record<string, unknown>>(
  values: Values,
): { [K in keyof Values]?: NonNullable<Values[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof Values]?: NonNullable<Values[K]>
  }
}
