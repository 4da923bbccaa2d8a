import { createHash } from 'node:crypto'
import { open, readdir, lstat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Client } from '@nabla/api/client'
import { CliError, systemCode } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { type Progress, showProgress } from '../terminal/progress.ts'

interface LocalFile {
  path: string
  to: string
  sizeBytes: number
}

export interface Put {
  files: number
  sizeBytes: number
}

/**
 * Sends files and whole folders into storage, several at a time, each checked against its SHA-256 by the server.
 * Links and special files in folders are left out, with a warning.
 */
export async function putFiles(
  context: Context,
  client: Client,
  sources: readonly { path: string; to: string }[],
): Promise<Put> {
  const odd: string[] = []
  const files: LocalFile[] = []
  for (const { path, to } of sources) for await (const file of walk(path, to, odd)) files.push(file)
  if (odd.length > 0) context.out.warn(`left out, because they are no plain files: ${odd.slice(0, 5).join(', ')}`)
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  const progress = showProgress(context.out, 'Uploading', sizeBytes)
  try {
    const queue = files.values()
    const workers = Array.from({ length: limits.parallelUploads }, async () => {
      for (const file of queue) await putFile(client, file, progress)
    })
    await Promise.all(workers)
  } finally {
    progress.stop()
  }
  return { files: files.length, sizeBytes }
}

async function putFile(client: Client, file: LocalFile, progress: Progress): Promise<void> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of read(file.path)) {
    hash.update(chunk)
    sizeBytes += chunk.byteLength
  }
  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const chunk of read(file.path)) {
      yield chunk
      progress.add(chunk.byteLength)
    }
  }
  const sha256 = hash.digest('hex')
  await client.storage.put({ path: file.to, sha256, contentLength: sizeBytes, body: ReadableStream.from(body()) })
}

async function* walk(path: string, to: string, odd: string[]): AsyncGenerator<LocalFile> {
  const stats = await lstat(path)
  if (stats.isFile()) {
    yield { path, to, sizeBytes: stats.size }
  } else if (stats.isDirectory()) {
    for (const name of (await readdir(path)).sort()) yield* walk(join(path, name), `${to}/${name}`, odd)
  } else {
    odd.push(basename(path))
  }
}

async function* read(path: string): AsyncGenerator<Uint8Array> {
  try {
    await using file = await open(path)
    yield* file.createReadStream({ highWaterMark: limits.readBytes, autoClose: false })
  } catch (error) {
    if (!systemCode(error)) throw error
    throw new CliError(`The file ${path} cannot be read (${systemCode(error)}).`, 'Check its mode.', 'failure', error)
  }
}
