import { once } from 'node:events'
import { lstat, mkdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { extract, type ReadEntry } from 'tar'
import { CliError, systemCode } from '../cli-error.ts'
import type { Progress } from '../terminal/progress.ts'
import { brokeOff } from './fetch-file.ts'

export interface Unpacked {
  files: number
  sizeBytes: number
  /** Links that would lead out of the target: they are not made. */
  linksOut: string[]
}

/**
 * Unpacks a tar stream below `target`, and nowhere else: an archive with absolute paths, `..` or links out is not
 * trusted, whoever sent it. Each file is checked to have the size it was announced with. `strip`: folders to take off
 * the front of every path.
 */
export async function unpackTar(response: Response, target: string, progress: Progress, strip = 0): Promise<Unpacked> {
  const found: Unpacked = { files: 0, sizeBytes: 0, linksOut: [] }
  const sizes = new Map<string, number>()
  await mkdir(target, { recursive: true })
  const unpack = extract({
    cwd: target,
    strict: true,
    strip,
    preserveOwner: false,
    filter: (path, entry) => isSafe(stripped(path, strip), entry as ReadEntry, found),
    onReadEntry(entry) {
      if (entry.type === 'File') sizes.set(stripped(entry.path, strip), entry.size)
    },
  })
  const failed = new AbortController()
  let failure: unknown
  unpack.on('error', (error: unknown) => {
    failure ??= error
    failed.abort()
  })
  const closed = once(unpack, 'close', { signal: failed.signal })
  closed.catch(() => {})
  try {
    for await (const chunk of response.body ?? []) {
      if (failed.signal.aborted) break
      if (!unpack.write(Buffer.from(chunk))) await once(unpack, 'drain', { signal: failed.signal })
      progress.add(chunk.byteLength)
    }
    unpack.end()
    await closed
  } catch (error) {
    throw unpackError(target, failure ?? error)
  }
  for (const [path, sizeBytes] of sizes) {
    const { size } = await lstat(join(target, path))
    if (size !== sizeBytes) throw broken(path, `it has ${size} bytes instead of ${sizeBytes}`)
    found.files += 1
    found.sizeBytes += size
  }
  return found
}

const stripped = (path: string, strip: number): string => path.split('/').slice(strip).join('/')

function isSafe(path: string, entry: ReadEntry, found: Unpacked): boolean {
  const inside = (name: string): boolean => !posix.isAbsolute(name) && !name.split('/').includes('..')
  if (!inside(path)) throw broken(path, 'its path leads out of the folder')
  if (entry.type === 'File' || entry.type === 'Directory') return true
  if (entry.type !== 'SymbolicLink') throw broken(path, `it is a ${entry.type}, not a file`)
  const target = entry.linkpath ?? ''
  const reached = posix.normalize(posix.join(posix.dirname(path), target))
  if (!posix.isAbsolute(target) && !reached.startsWith('../') && reached !== '..') return true
  found.linksOut.push(path)
  return false
}

function unpackError(target: string, error: unknown): unknown {
  if (error instanceof CliError) return error
  const code = systemCode(error)
  if (code?.startsWith('TAR_')) return broken(target, 'the archive is incomplete or damaged')
  if (code) return notWritable(target, error)
  if (error instanceof TypeError) return brokeOff(error)
  return error
}

function broken(path: string, why: string): CliError {
  return new CliError(`What arrived for ${path} cannot be used: ${why}.`, 'Run the command again.')
}

function notWritable(path: string, error: unknown): CliError {
  const hint = 'Choose another place with --to.'
  return new CliError(`${path} cannot be written (${systemCode(error)}).`, hint, 'failure', error)
}
