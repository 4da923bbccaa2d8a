import { createHash } from 'node:crypto'
import { type FileHandle, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Workspace } from '@nabla/api/workspace'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { formatBytes } from '../terminal/format.ts'
import { limits } from '../limits.ts'
import { type Progress, showProgress } from '../terminal/progress.ts'
import { isLoopback } from '../target.ts'
import { type PackReport, packTar } from '../workspace/pack.ts'
import { nameSome, sayWhatGoes } from '../workspace/say-what-goes.ts'
import { type Scan, scanWorkspace } from '../workspace/scan.ts'

/** Packs a folder and stores it on the server, telling what goes. `patterns`: further things to leave out. */
export async function uploadFolder(context: Context, folder: string, patterns: readonly string[]): Promise<Workspace> {
  if (folder === '/') {
    throw usageError(
      'The whole machine is no workspace.',
      'Change into the folder of your code, or use --workspace none.',
    )
  }
  const scan = scanWorkspace(folder, patterns)
  sayWhatGoes(context, scan)
  const { url } = await context.target()
  await using archive = await packFolder(context, folder, scan, !isLoopback(url))
  return await send(context, archive)
}

/** Stores a .zip, .tar or .tar.gz on the server as it is. */
export async function uploadArchive(context: Context, file: string): Promise<Workspace> {
  const { size } = await stat(file)
  context.out.note(`Uploading ${file} (${formatBytes(size)})`)
  const hash = createHash('sha256')
  for await (const chunk of readFile(file)) hash.update(chunk)
  return send(context, { sizeBytes: size, sha256: hash.digest('hex'), read: () => readFile(file) })
}

/** An archive that is ready to be sent, in memory or in a file. */
interface Archive {
  sizeBytes: number
  sha256: string
  read(): AsyncIterable<Uint8Array>
}

/** Makes the archive. Small ones stay in memory; large ones go through a temporary file, removed on disposal. */
async function packFolder(
  context: Context,
  folder: string,
  scan: Scan,
  compress: boolean,
): Promise<Archive & AsyncDisposable> {
  const report: PackReport = { changed: [], gone: [] }
  const hash = createHash('sha256')
  const spool = new Spool()
  const progress = showProgress(context.out, 'Packing', scan.sizeBytes)
  try {
    const source = Readable.from(counted(packTar(folder, scan.entries, report), progress), { objectMode: false })
    const store = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of chunks) {
        hash.update(chunk)
        await spool.write(chunk)
      }
    }
    // A server on this machine gains nothing from compression.
    if (compress) await pipeline(source, createGzip({ level: 3 }), store)
    else await pipeline(source, store)
  } catch (error) {
    await spool.remove()
    throw error
  } finally {
    progress.stop()
  }
  const { changed, gone } = report
  if (changed.length > 0) context.out.warn(`changed while being read: ${nameSome(changed)}`)
  if (gone.length > 0) context.out.warn(`gone before being read: ${nameSome(gone)}`)
  return {
    sizeBytes: spool.sizeBytes,
    sha256: hash.digest('hex'),
    read: () => spool.read(),
    [Symbol.asyncDispose]: () => spool.remove(),
  }
}

async function send(context: Context, archive: Archive): Promise<Workspace> {
  const client = await context.client()
  const progress = showProgress(context.out, 'Uploading', archive.sizeBytes)
  try {
    return await client.workspace.upload({
      sha256: archive.sha256,
      contentLength: archive.sizeBytes,
      body: ReadableStream.from(
        counted(archive.read(), progress, () => {
          progress.stop()
          context.out.status('Waiting for the server to unpack the files')
        }),
      ),
    })
  } finally {
    progress.stop()
  }
}

async function* counted(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  progress: Progress,
  onEnd?: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    progress.add(chunk.byteLength)
  }
  onEnd?.()
}

/**
 * Keeps what is written to it: in memory up to a bound, beyond that in a file that only this user can read. The file
 * has no name from the start on, so that nothing stays behind however the process ends.
 */
class Spool {
  sizeBytes = 0
  #chunks: Uint8Array[] = []
  #waitingBytes = 0
  #file: FileHandle | undefined

  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk)
    this.sizeBytes += chunk.byteLength
    this.#waitingBytes += chunk.byteLength
    if (this.#waitingBytes > limits.inMemoryBytes) await this.#spill()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    if (this.#file) yield* readHandle(this.#file)
    yield* this.#chunks
  }

  async remove(): Promise<void> {
    await this.#file?.close()
  }

  async #spill(): Promise<void> {
    this.#file ??= await openNameless()
    for (const chunk of this.#chunks) await this.#file.write(chunk)
    this.#chunks = []
    this.#waitingBytes = 0
  }
}

async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'nabla-'))
  try {
    return await open(join(folder, 'workspace.tar'), 'wx+', 0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function* readFile(file: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(file)
  yield* readHandle(handle)
}

async function* readHandle(handle: FileHandle): AsyncGenerator<Uint8Array> {
  yield* handle.createReadStream({ start: 0, highWaterMark: limits.readBytes, autoClose: false })
}
