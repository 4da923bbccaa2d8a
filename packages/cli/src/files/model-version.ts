import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ModelVersion } from '@nabla/api/model'
import { modelFormats } from '@nabla/api/model-format'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { formatBytes, plural } from '../terminal/format.ts'
import { oddities } from '../workspace/say-what-goes.ts'
import { lookAtFiles } from './dataset-version.ts'
import { syncScanned } from './upload.ts'

export interface ModelUpload {
  name: string
  /** A folder or file here. */
  path: string
  type?: string | undefined
  notes?: string | undefined
  project?: string | undefined
  aliases: readonly string[]
}

/** Makes a version of a folder or file: sends what the server lacks of it, and says what it was found to be. */
export async function uploadModel(
  context: Context,
  { name, path, aliases, ...more }: ModelUpload,
): Promise<ModelVersion> {
  const { out } = context
  const { folder, scan } = lookAtFiles(context, resolve(context.cwd, path), path, 'model')
  out.note(`Model ${name}: ${plural(scan.files, 'file')}, ${formatBytes(scan.sizeBytes)}`)
  for (const text of oddities(scan)) out.warn(text)
  const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined))
  const made = await syncScanned(context, { folder, scan }, (calls, digest) =>
    calls.model.commit({ model: name, body: { source: { from: 'tree', digest }, aliases: [...aliases], ...given } }),
  )
  const version = await untilRead(context, made)
  sayVersion(context, version)
  return version
}

/** Waits until the server has read a version. Throws CliError with the reason when it cannot be used. */
export async function untilRead(context: Context, made: ModelVersion): Promise<ModelVersion> {
  const client = await context.client()
  let version = made
  for (let pauseMs: number = limits.retryFirstMs; version.state === 'preparing';) {
    context.out.status(`The server reads ${made.reference}`)
    await pause(pauseMs)
    pauseMs = Math.min(pauseMs * 2, limits.retryMostMs)
    version = await client.model.resolve({ reference: made.id })
  }
  context.out.clearStatus()
  if (version.state !== 'failed') return version
  throw new CliError(
    `Version ${version.version} of ${version.model.name} cannot be used: ${version.reason ?? ''}`,
    `It can be deleted: nabla model delete ${version.reference}`,
  )
}

/** Says what a version was found to be. */
export function sayVersion({ out }: Context, { reference, format, parameters, verdict }: ModelVersion): void {
  const what = format === null ? '' : modelFormats[format].label
  const count = parameters === null ? '' : `, ${parameters.toLocaleString('en-US')} parameters`
  out.note(`Made ${reference} (${what}${count})`)
  if (verdict !== null && verdict !== 'clean') {
    out.warn(`It holds a pickle that looks ${verdict}. See: nabla model show ${reference}`)
  }
}
