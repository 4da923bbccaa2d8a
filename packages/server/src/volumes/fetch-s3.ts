import { AwsV4Signer } from 'aws4fetch'
import { type Clock, toIso } from '../lib/clock.ts'
import { limits } from '../lib/limits.ts'
import { elementsOf, textOf } from '../stores/s3/xml.ts'
import { failed, type ObjectRequest, textOfAnswer } from './fetch-http.ts'
import type { HeadersFor } from './outbound.ts'

/** An object in a bucket, or all below a prefix, and who asks. Without a key the requests are not signed. */
export interface S3Location {
  bucket: string
  key: string
  versionId: string | null
  endpoint: string
  region: string
  accessKeyId?: string | undefined
  secretAccessKey?: string | undefined
}

/** The address of an object; path-style, which every S3 server understands. */
export function s3Url({ endpoint, bucket, versionId }: S3Location, key: string): URL {
  const url = new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`)
  if (versionId !== null && key !== '') url.searchParams.set('versionId', versionId)
  return url
}

/**
 * Signs requests with version 4, for the origin that the keys belong to. Where the clock at the other end differs by
 * much, it is that which counts.
 */
export function s3Signer(
  { accessKeyId, secretAccessKey, region }: S3Location,
  clock: Clock,
): Required<Pick<ObjectRequest, 'headersFor' | 'takeTime'>> {
  let skewMs = 0
  const takeTime = (theirs: number): boolean => {
    const before = skewMs
    if (!Number.isNaN(theirs)) skewMs = theirs - clock.now()
    return Math.abs(skewMs - before) > limits.storeSkewMs
  }
  const headersFor: HeadersFor = async (url, isFirstOrigin) => {
    if (accessKeyId === undefined || secretAccessKey === undefined || !isFirstOrigin) return {}
    const signed = await new AwsV4Signer({
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      method: 'GET',
      url: url.href,
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      datetime: toIso(clock.now() + skewMs).replaceAll(/[:-]|\.\d{3}/g, ''),
    }).sign()
    return Object.fromEntries(signed.headers)
  }
  return { headersFor, takeTime }
}

/**
 * Keys below a prefix. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 *
 * @param request what all requests to this bucket share
 */
export async function* keysBelow(
  location: S3Location,
  request: Omit<ObjectRequest, 'url' | 'onBytes'>,
): AsyncGenerator<string> {
  let next: string | undefined
  do {
    const url = s3Url(location, '')
    url.searchParams.set('list-type', '2')
    url.searchParams.set('prefix', location.key)
    if (next !== undefined) url.searchParams.set('continuation-token', next)
    const xml = await textOfAnswer({ ...request, url, onBytes() {} }, limits.fetchListBytes)
    if (!xml.includes('ListBucketResult')) throw failed(request, 'what answers there is no S3 server')
    for (const element of elementsOf(xml, 'Contents')) {
      const key = textOf(element, 'Key') ?? ''
      // Other programs may keep folders as objects of no size whose key ends with a slash.
      if (key.startsWith(location.key) && !key.endsWith('/')) yield key
    }
    next = textOf(xml, 'IsTruncated') === 'true' ? textOf(xml, 'NextContinuationToken') : undefined
  } while (next !== undefined)
}
