import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import type { Client } from '@nabla/api/client'
import type { Workspace } from '@nabla/api/workspace'
import { usageError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { limits } from '../limits.ts'
import { isLoopback } from '../target.ts'
import { formatBytes, formatCount, plural } from '../terminal/format.ts'
import { type Progress, showGrowingProgress, showProgress } from '../terminal/progress.ts'
import { nameSome, sayWhatGoes } from '../workspace/say-what-goes.ts'
import { type Scan, scanWorkspace } from '../workspace/scan.ts'
import { createRetry, type Retry } from './retry.ts'
import { type Synced, syncFolder, type SyncOptions, type TreeServer } from './sync.ts'

/**
 * Brings a folder to the server, telling what goes. `patterns`: further things to leave out; `beforeSending` is called
 * before much is sent, and may refuse it.
 */
export async function uploadFolder(
  context: Context,
  folder: string,
  patterns: readonly string[],
  beforeSending?: () => Promise<void>,
): Promise<Workspace> {
  const scan = scanFolder(context, folder, patterns)
  sayWhatGoes(context, scan)
  return syncScanned(context, { folder, scan, beforeSending }, (client, digest) =>
    client.workspace.fromTree({ body: { digest } }),
  )
}

/**
 * Brings what was found in a folder to the server, and then makes something of it there. Calls are repeated while the
 * server is away.
 */
export async function syncScanned<Made>(
  context: Context,
  { folder, scan, beforeSending }: Pick<SyncOptions, 'folder' | 'scan' | 'beforeSending'>,
  make: (client: Client, digest: string) => Promise<Made>,
): Promise<Made> {
  // Keeps the heap near what it holds, instead of twice that: a third less memory for many files, and no slower.
  setFlagsFromString('--optimize-for-size')
  const [client, { url }] = await Promise.all([context.client(), context.target()])
  const retry = createRetry(context, {
    forMs: limits.uploadRetryForMs,
    hint: 'What was sent is kept there for half a day: the same command carries on where this one stopped.',
  })
  const progress = showGrowingProgress(context.out, 'Uploading')
  try {
    const synced = await syncFolder({
      folder,
      scan,
      server: treeServer(client, retry),
      // Over a real line zstd is faster than the line; within a machine it costs more time than it saves.
      compress: !isLoopback(url),
      progress,
      beforeSending,
      now: context.io.now,
    })
    const made = await retry(() => make(client, synced.tree.digest))
    progress.stop()
    sayWhatWasSent(context, synced)
    return made
  } finally {
    progress.stop()
  }
}

/** Reads what a folder holds. Throws a usage error for one that is no workspace. */
export function scanFolder({ out, settings, io: { now } }: Context, folder: string, patterns: readonly string[]): Scan {
  if (folder === '/') {
    throw usageError(
      'The whole machine is no workspace.',
      'Change into the folder of your code, or use --workspace none.',
    )
  }
  out.status('Looking at the files')
  const { cacheFolder, configFile: keyFile, home } = settings
  const scan = scanWorkspace(folder, patterns, { cacheFolder, keyFile, now })
  out.clearStatus()
  if (folder === resolve(home)) {
    out.warn('this is your home folder: all that is in it goes with the job. Change into the folder of your code.')
  }
  return scan
}

/** The calls of a sync, each tried again while the server is away. */
export function treeServer(client: Client, retry: Retry): TreeServer {
  return {
    lacking: async (chunks) => (await retry(() => client.tree.lacking({ body: { chunks: [...chunks] } }))).chunks,
    lackingSegments: async (segments) =>
      (await retry(() => client.tree.lacking({ body: { segments: [...segments] } }))).segments,
    send: (parcel) => retry(() => client.tree.send({ body: parcel, contentLength: parcel.byteLength })),
    commit: (digest) => retry(() => client.tree.commit({ body: { digest } })),
  }
}

/** Stores a .zip, .tar or .tar.gz on the server as it is. */
export async function uploadArchive(context: Context, file: string): Promise<Workspace> {
  const { size } = await stat(file)
  context.out.note(`Uploading ${file} (${formatBytes(size)})`)
  const hash = createHash('sha256')
  for await (const chunk of readFile(file)) hash.update(chunk)
  const client = await context.client()
  const progress = showProgress(context.out, 'Uploading', size)
  try {
    return await client.workspace.upload({
      sha256: hash.digest('hex'),
      contentLength: size,
      body: ReadableStream.from(
        counted(readFile(file), progress, () => {
          progress.stop()
          context.out.status('Waiting for the server to unpack the files')
        }),
      ),
    })
  } finally {
    progress.stop()
  }
}

function sayWhatWasSent({ out }: Context, synced: Synced): void {
  const { tree, sentFiles, sentBytes, changed, gone } = synced
  const what =
    sentFiles === 0
      ? `Sent nothing: the server has ${tree.files === 1 ? 'it' : 'all of it'}.`
      : `Sent ${formatCount(sentFiles)} of ${plural(tree.files, 'file')} ` +
        `(${formatBytes(sentBytes)} of ${formatBytes(tree.sizeBytes)}).`
  if (tree.files > 0) out.note(out.styleNote('dim', `  ${what}`))
  if (changed.length > 0) {
    out.warn(`changed while being read, and sent as they were at that moment: ${nameSome(changed)}`)
  }
  if (gone.length > 0) out.warn(`gone before being read: ${nameSome(gone)}`)
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  progress: Progress,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk
    progress.add(chunk.byteLength)
  }
  onEnd()
}

async function* readFile(file: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(file)
  yield* handle.createReadStream({ start: 0, highWaterMark: limits.readBytes, autoClose: false })
}
