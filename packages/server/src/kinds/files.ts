import { basename } from 'node:path'
import type { archiveQuery } from '@nabla/api/file'
import type { z } from 'zod'
import { AppError } from '../lib/app-error.ts'
import { list, openRead, stat } from '../volumes/folder.ts'
import { makeMatcher } from '../volumes/glob.ts'
import { packTar } from '../volumes/tar-writer.ts'
import type { ByteStream } from './kind.ts'

/** One file as a response: all of it, or the range that the request asks for (RFC 9110, section 14; one range only). */
export async function sendFile(
  root: string,
  path: string,
  headers: Record<string, string | string[] | undefined>,
  more: Record<string, string> = {},
): Promise<ByteStream> {
  const range = parseRange(headers['range'])
  const file = await openRead(root, path, range ? { range } : {})
  const shared = { 'accept-ranges': 'bytes', 'last-modified': new Date(file.modifiedAt).toUTCString(), ...more }
  const base = { body: file.stream, contentType: 'application/octet-stream', fileName: basename(path) }
  if (!range) return { ...base, sizeBytes: file.length, headers: shared }
  const last = file.start + file.length - 1
  const part = {
    'content-range': `bytes ${file.start}-${last}/${file.sizeBytes}`,
    'content-length': String(file.length),
  }
  return { ...base, status: 206, sizeBytes: file.sizeBytes, headers: { ...shared, ...part } }
}

/** Files and folders of a tree as one tar: those named, those that match, or all. */
export async function sendArchive(
  root: string,
  query: z.output<typeof archiveQuery>,
  name: string,
  signal: AbortSignal,
): Promise<ByteStream> {
  const { path, glob } = query
  if (glob !== undefined) {
    const first = await list(root, '', { recursive: true, limit: 1, glob: [glob], signal })
    if (first.items.length === 0) throw new AppError('file_not_found', { path: glob })
  }
  const paths = path === undefined ? undefined : [path].flat()
  // Told as an error now; once the stream has begun it could only break off.
  for (const one of paths ?? []) await stat(root, one)
  const body = packTar(root, {
    signal,
    ...(paths === undefined ? {} : { paths }),
    ...(glob === undefined ? {} : { matches: makeMatcher([glob]) }),
  })
  return { body, contentType: 'application/x-tar', fileName: `${name}.tar` }
}

/** `bytes=a-b`, `bytes=a-` or `bytes=-n`; anything else is ignored, as the standard asks. */
function parseRange(header: string | string[] | undefined): { start: number; end?: number } | null {
  const match = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/.exec(typeof header === 'string' ? header : '')
  if (!match) return null
  const [, first, last, suffix] = match
  if (suffix !== undefined) return { start: -Number(suffix) }
  return { start: Number(first), ...(last ? { end: Number(last) } : {}) }
}
