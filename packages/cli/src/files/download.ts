import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { extract, type ReadEntry } from 'tar'
import { CliError, systemCode } from '../cli-error.ts'
import type { Output } from '../terminal/output.ts'
import { type Progress, showProgress } from '../terminal/progress.ts'

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

/** Saves one file of the server: beside its place first, checked, and then moved there in one step. */
export async function saveFile(out: Output, response: Response, label: string, target: string): Promise<number> {
  const expected = Number(response.headers.get('content-length') ?? Number.NaN)
  const progress = showProgress(out, `Downloading ${label}`, expected || 0)
  const draft = `${target}.part`
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    await mkdir(dirname(target), { recursive: true })
    await using file = await open(draft, 'w')
    for await (const chunk of response.body ?? []) {
      await file.writeFile(chunk)
      hash.update(chunk)
      sizeBytes += chunk.byteLength
      progress.add(chunk.byteLength)
    }
    check(label, response, { sizeBytes, expected, sha256: hash.digest('base64') })
    await rename(draft, target)
    return sizeBytes
  } catch (error) {
    throw systemCode(error) && !(error instanceof CliError) ? notWritable(target, error) : error
  } finally {
    progress.stop()
    await rm(draft, { force: true })
  }
}

function check(
  label: string,
  response: Response,
  { sizeBytes, expected, sha256 }: { sizeBytes: number; expected: number; sha256: string },
): void {
  if (Number.isFinite(expected) && sizeBytes !== expected) {
    throw broken(label, `${sizeBytes} of ${expected} bytes arrived`)
  }
  // RFC 9530: `sha-256=:<base64>:`
  const digest = /sha-256=:([^:]+):/.exec(response.headers.get('repr-digest') ?? '')?.[1]
  if (digest !== undefined && digest !== sha256) throw broken(label, 'its checksum differs')
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
  if (error instanceof TypeError) return broken(target, 'the connection broke off')
  return error
}

function broken(path: string, why: string): CliError {
  return new CliError(`What arrived for ${path} cannot be used: ${why}.`, 'Run the command again.')
}

function notWritable(path: string, error: unknown): CliError {
  const hint = 'Choose another place with --to.'
  return new CliError(`${path} cannot be written (${systemCode(error)}).`, hint, 'failure', error)
}
