import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../lib/app-error.ts'
import type { Clock } from '../lib/clock.ts'
import { fileError } from '../lib/file-error.ts'
import { limits } from '../lib/limits.ts'
import type { OutboundRules } from '../lib/outbound-rules.ts'
import { parseRelativePath } from '../lib/safe-path.ts'
import { unpack } from './archive.ts'
import { bytesOf, failed, type ObjectRequest } from './fetch-http.ts'
import { keysBelow, type S3Location, s3Signer, s3Url } from './fetch-s3.ts'
import { type HeadersFor, shown } from './outbound.ts'

/** Files at an address, as somebody named them. */
export interface UrlSource {
  url: string
  sha256?: string | undefined
  etag?: string | undefined
  /** Archives are unpacked. */
  expand: boolean
  username?: string | undefined
  password?: string | undefined
  endpoint?: string | undefined
  region?: string | undefined
}

export interface FetchOptions {
  rules: OutboundRules
  clock: Clock
  signal: AbortSignal
  /** Hears how much has come so far. */
  onProgress(soFar: { files: number; sizeBytes: number }): void
}

/**
 * Fetches an object by http, https or s3, or all below a prefix of a bucket, into an empty folder. Throws AppError
 * that says why not: `invalid`, `fetch_refused`, `fetch_failed`, `source_mismatch`, `bad_archive`, `disk_full`.
 */
export async function fetchUrl(source: UrlSource, targetDir: string, options: FetchOptions): Promise<void> {
  const place = parse(source)
  const soFar = { files: 0, sizeBytes: 0 }
  const shared: Omit<ObjectRequest, 'url'> = {
    shown: place.shown,
    rules: options.rules,
    signal: options.signal,
    ...(place.s3 ? s3Signer(place.s3, options.clock) : { headersFor: login(source) }),
    onBytes(bytes) {
      soFar.sizeBytes += bytes
      options.onProgress(soFar)
    },
  }
  try {
    if (place.s3 && place.isPrefix) {
      await fetchPrefix(place.s3, targetDir, shared, soFar)
      return
    }
    const url = place.s3 ? s3Url(place.s3, place.s3.key) : place.url
    const { sha256, etag } = source
    await fetchOne({ ...shared, url, sha256, etag }, targetDir, { name: place.name, expand: source.expand })
  } catch (error) {
    options.signal.throwIfAborted()
    throw fileError(error, place.name)
  }
}

/** Checks, before anything is stored, that `fetchUrl` will take a source, and says it for people. Throws `invalid`. */
export function checkUrl(source: UrlSource): string {
  const { isPrefix, s3, shown } = parse(source)
  if (isPrefix && (source.sha256 !== undefined || source.etag !== undefined)) {
    throw invalid('An expected digest or ETag is for one object: leave the slash at the end of the address out.')
  }
  if (s3 && (source.username === undefined) !== (source.password === undefined)) {
    throw invalid('An access key and its secret key belong together: give both, or none for what everybody may read.')
  }
  return shown
}

interface Place {
  url: URL
  shown: string
  /** What a file from there is called. */
  name: string
  s3?: S3Location
  isPrefix: boolean
}

const invalid = (detail: string) => new AppError('invalid', { detail })

function parse(source: UrlSource): Place {
  const text = JSON.stringify(
    source.url
      .replace(/\/\/[^/]*@/, '//')
      .replace(/\?.*/s, '')
      .slice(0, 200),
  )
  const url = /^(https?|s3):\/\//i.test(source.url) ? URL.parse(source.url) : null
  if (!url || url.hostname === '' || /[\p{Cc}\\]/u.test(source.url)) {
    throw invalid(`${text} cannot be fetched: an address begins with https://, http:// or s3://.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      'Leave the name and the password out of the address; give them beside it, where they are kept sealed.',
    )
  }
  url.hash = ''
  if (url.protocol !== 's3:') return { url, shown: shown(url), name: nameOf(url.pathname), isPrefix: false }
  const [, bucket = '', path = ''] = /^s3:\/\/([^/?]+)\/?([^?]*)/i.exec(source.url) ?? []
  const key = decode(path)
  const { region = 'us-east-1', endpoint = `https://s3.${region}.amazonaws.com` } = source
  if (!/^https?:\/\/[^/?#@]+\/?$/i.test(endpoint) || !URL.canParse(endpoint)) {
    throw invalid('The endpoint of S3 is an address such as https://minio.example.com.')
  }
  const keys = { accessKeyId: source.username, secretAccessKey: source.password }
  const versionId = url.searchParams.get('versionId')
  const s3: S3Location = { bucket, key, versionId, endpoint, region, ...keys }
  const isPrefix = key === '' || key.endsWith('/')
  return { url, shown: `s3://${bucket}/${key}`, name: nameOf(key), s3, isPrefix }
}

/** A name that can be that of a file. */
function nameOf(path: string): string {
  const name = basename(decode(path))
  return name === '' || name === '.' || name === '..' || /[\p{Cc}\\/]/u.test(name) ? 'file' : name.slice(0, 200)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function login({ username, password }: UrlSource): HeadersFor {
  if (username === undefined && password === undefined) return async () => ({})
  const authorization = `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`
  return async (_, isFirstOrigin): Promise<Record<string, string>> => (isFirstOrigin ? { authorization } : {})
}

/** Archives that are unpacked, by their names. */
const archives = /\.(zip|tar|tgz|tar\.gz|tzst|tar\.zst)$/i
/** Archives that users may expect to be. */
const otherArchives = /\.(tar\.(bz2|xz|lz|lzma|Z)|tbz2?|txz|rar|7z)$/i

async function fetchOne(
  object: ObjectRequest,
  targetDir: string,
  { name, expand }: { name: string; expand: boolean },
): Promise<void> {
  if (expand && otherArchives.test(name)) {
    throw failed(
      object,
      'archives of this kind cannot be unpacked here: use zip, tar, tar.gz or tar.zst, or keep it packed',
    )
  }
  const source = Readable.from(bytesOf(object), { objectMode: false })
  const { signal } = object
  if (expand && archives.test(name)) {
    const bounds = { uploadBytes: limits.fetchedBytes, unpackedBytes: limits.fetchedBytes }
    const entries = { unpackedEntries: limits.treeEntries }
    await unpack(source, targetDir, { signal, passing: true, bounds: { ...bounds, ...entries } })
    return
  }
  await mkdir(targetDir, { recursive: true })
  await pipeline(source, createWriteStream(join(targetDir, name), { flags: 'wx' }), { signal })
}

/** Several objects at a time, each as a file of its key below the prefix. */
async function fetchPrefix(
  s3: S3Location,
  targetDir: string,
  given: Omit<ObjectRequest, 'url'>,
  soFar: { files: number; sizeBytes: number },
): Promise<void> {
  await mkdir(targetDir, { recursive: true })
  const broken = new AbortController()
  const signal = AbortSignal.any([given.signal, broken.signal])
  const shared = { ...given, signal }
  const keys = keysBelow(s3, shared)
  const fetchNext = async (): Promise<void> => {
    for (let next = await keys.next(); !next.done; next = await keys.next()) {
      const path = pathOf(next.value.slice(s3.key.length), shared)
      await mkdir(dirname(join(targetDir, path)), { recursive: true })
      const object = { ...shared, url: s3Url(s3, next.value), shown: `s3://${s3.bucket}/${next.value}` }
      const file = createWriteStream(join(targetDir, path), { flags: 'wx' })
      await pipeline(Readable.from(bytesOf(object), { objectMode: false }), file, { signal })
      soFar.files++
      if (soFar.files > limits.treeEntries) throw failed(shared, 'there are too many objects')
    }
  }
  let reason: unknown
  const fetching = Array.from({ length: limits.fetchesAtOnce }, async () => {
    await fetchNext().catch((error: unknown) => {
      reason ??= error
      // The others need not go on.
      broken.abort()
    })
  })
  await Promise.all(fetching)
  if (reason !== undefined) throw reason
  if (soFar.files === 0) throw failed(shared, 'there is nothing below it')
}

/** The key as a path. Only a plain one is taken, so that nothing is written elsewhere. */
function pathOf(key: string, shared: Pick<ObjectRequest, 'shown'>): string {
  try {
    return parseRelativePath(key)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw failed(shared, `the key ${JSON.stringify(key.slice(0, 200))} cannot be the name of a file`)
  }
}
