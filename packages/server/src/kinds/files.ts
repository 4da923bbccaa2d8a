import type { archiveFormats, archiveQuery, Checksum, packBody } from '@nabla/api/file'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import type { z } from 'zod'
import { AppError } from '../lib/app-error.ts'
import { limits } from '../lib/limits.ts'
import { type Files, filesIn } from '../volumes/files.ts'
import { makeMatcher } from '../volumes/glob.ts'
import type { PackOptions } from '../volumes/members.ts'
import { packTar } from '../volumes/tar-writer.ts'
import { packZip } from '../volumes/zip-writer.ts'
import type { ByteStream } from './kind.ts'

type Headers = Record<string, string | string[] | undefined>

interface Asked {
  headers: Headers
  signal: AbortSignal
  /** Milliseconds since 1970. */
  now: number
}

/**
 * One file as a response: all of it, or the range that the request asks for (RFC 9110, sections 13 and 14; one range
 * only). Its tag names these very bytes, so that a download that was cut goes on only with the same file. With
 * Want-Repr-Digest a file that is not large comes with its SHA-256 (RFC 9530); `always` sends that unasked.
 */
export async function sendFile(root: string | Files, path: string, asked: Asked, always = false): Promise<ByteStream> {
  const files = filesIn(root)
  const { headers } = asked
  const range = parseRange(headers['range'])
  const ifMatch = tagOf(headers['if-match'])
  const ifRange = tagOf(headers['if-range'])
  const wantsDigest = /\bsha-256=[1-9]/.test(String(headers['want-repr-digest'] ?? ''))
  const digest = wantsDigest || (always && !range) ? await digestOf(files, path, asked) : null
  const file = await files.openRead(path, {
    ...(range ? { range } : {}),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifRange === undefined ? {} : { ifRange }),
  })
  const shared = {
    'accept-ranges': 'bytes',
    'last-modified': new Date(file.modifiedAt).toUTCString(),
    etag: file.etag,
    ...(digest?.etag === file.etag ? { 'repr-digest': reprDigest(digest.sha256) } : {}),
  }
  const base = { body: file.stream, contentType: 'application/octet-stream', fileName: basename(path) }
  if (!range || file.length === file.sizeBytes) return { ...base, sizeBytes: file.length, headers: shared }
  const last = file.start + file.length - 1
  const part = {
    'content-range': `bytes ${file.start}-${last}/${file.sizeBytes}`,
    'content-length': String(file.length),
  }
  return { ...base, status: 206, sizeBytes: file.sizeBytes, headers: { ...shared, ...part } }
}

/** SHA-256 of one file, whatever its size. */
export async function hashOne(root: string | Files, path: string, asked: Omit<Asked, 'headers'>): Promise<Checksum> {
  return filesIn(root).checksumOf(path, asked)
}

/** Files and folders of a tree as one archive: those named, those that match, or all. */
export async function sendArchive(
  root: string | Files,
  query: z.output<typeof archiveQuery>,
  name: string,
  signal: AbortSignal,
): Promise<ByteStream> {
  const { path, glob } = query
  if (glob !== undefined) {
    const first = await filesIn(root).list('', { recursive: true, limit: 1, glob: [glob], signal })
    if (first.items.length === 0) throw new AppError('file_not_found', { path: glob })
  }
  const paths = path === undefined ? undefined : [path].flat()
  // Told as an error now; once the stream has begun it could only break off.
  for (const one of paths ?? []) await filesIn(root).stat(one)
  return packed(root, query.format, name, {
    signal,
    ...(paths === undefined ? {} : { paths }),
    ...(glob === undefined ? {} : { matches: makeMatcher([glob]) }),
  })
}

/** The files that are named, but for those that have vanished. */
export function sendFiles(
  root: string | Files,
  { paths, format }: z.output<typeof packBody>,
  name: string,
  signal: AbortSignal,
): ByteStream {
  return packed(root, format, name, { paths, missingIsFine: true, signal })
}

type Format = (typeof archiveFormats)[number]

const packers: Record<Format, (root: string | Files, options: PackOptions) => Readable> = {
  tar: packTar,
  'tar.gz': (root, options) => packTar(root, { ...options, gzip: true }),
  zip: packZip,
}

function packed(root: string | Files, format: Format, name: string, options: PackOptions): ByteStream {
  const body = packers[format](root, options)
  return { body, contentType: 'application/octet-stream', fileName: `${name}.${format}` }
}

/** Null for a large file, or one that does not keep still. */
async function digestOf(files: Files, path: string, { signal, now }: Asked): Promise<Checksum | null> {
  const { sizeBytes } = await files.stat(path)
  if (sizeBytes > limits.digestBytes) return null
  return files.checksumOf(path, { signal, now }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'conflict') return null
    throw error
  })
}

const reprDigest = (sha256: string): string => `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`

/** A tag of ours; a list of them, or `*`, is not asked for by those who resume. */
function tagOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '*' ? header : undefined
}

/** `bytes=a-b`, `bytes=a-` or `bytes=-n`; anything else is ignored, as the standard asks. */
function parseRange(header: string | string[] | undefined): { start: number; end?: number } | null {
  const match = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/.exec(typeof header === 'string' ? header : '')
  if (!match) return null
  const [, first, last, suffix] = match
  if (suffix !== undefined) return { start: -Number(suffix) }
  return { start: Number(first), ...(last ? { end: Number(last) } : {}) }
}
