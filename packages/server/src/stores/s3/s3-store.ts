import type { Finding } from '@nabla/api/server'
import { AppError } from '../../lib/app-error.ts'
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../lib/limits.ts'
import {
  checkKey,
  checkPrefix,
  checkRange,
  checkSize,
  type ObjectStore,
  type StoredObject,
  StoreError,
  tryOut,
} from '../store.ts'
import { createS3Client, type S3Client, type S3Place } from './client.ts'
import { elementsOf, textOf } from './xml.ts'

export interface S3Settings extends S3Place {
  /** In front of every key: empty, or ends with a slash. */
  prefix: string
}

/** Objects in a bucket of an S3-compatible store, which must be there already. */
export function openS3Store(settings: S3Settings, clock: Clock): ObjectStore {
  const { endpoint, bucket, prefix } = settings
  const client = createS3Client(settings, clock)
  const store: Omit<ObjectStore, 'check'> = {
    place: `s3://${bucket}/${prefix} at ${endpoint}`,
    async put(key, bytes, signal) {
      checkKey(key)
      checkSize(key, bytes.length)
      signal?.throwIfAborted()
      await client.send({ method: 'PUT', key: prefix + key, body: bytes, signal })
    },
    async get(key, range, signal) {
      checkKey(key)
      if (range) checkRange(range)
      signal?.throwIfAborted()
      const last = range && range.start + range.length - 1
      const headers = range ? { range: `bytes=${range.start}-${last}` } : {}
      const answer = await client.send({ method: 'GET', key: prefix + key, headers, signal }, expectedOfGet)
      if (answer.code === 'InvalidRange') throw new StoreError('short', key)
      if (answer.code !== undefined) throw new StoreError('missing', key)
      if (!range || answer.body.length === range.length) return answer.body
      if (answer.status === 206) throw new StoreError('short', key)
      throw new AppError('store_unavailable', { reason: `${endpoint} does not read parts of objects` })
    },
    async *list(wanted, signal) {
      checkPrefix(wanted)
      for await (const { key, ...rest } of listAll(client, prefix + wanted, signal)) {
        if (key.startsWith(prefix + wanted)) yield { key: key.slice(prefix.length), ...rest }
      }
    },
    async remove(key) {
      checkKey(key)
      await client.send({ method: 'DELETE', key: prefix + key }, ['NoSuchKey'])
    },
  }
  return { ...store, check: () => check(store, client) }
}

const expectedOfGet = ['NoSuchKey', 'InvalidRange']

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
async function* listAll(client: S3Client, prefix: string, signal?: AbortSignal): AsyncGenerator<StoredObject> {
  let next: string | undefined
  do {
    signal?.throwIfAborted()
    const query = { 'list-type': '2', prefix, ...(next !== undefined && { 'continuation-token': next }) }
    const { body } = await client.send({ method: 'GET', key: '', query, signal })
    const xml = body.toString()
    for (const element of elementsOf(xml, 'Contents')) {
      const key = textOf(element, 'Key') ?? ''
      const modifiedAt = Date.parse(textOf(element, 'LastModified') ?? '')
      // Other programs may keep folders as objects of no size whose key ends with a slash.
      if (!key.endsWith('/')) yield { key, sizeBytes: Number(textOf(element, 'Size')), modifiedAt }
    }
    next = textOf(xml, 'IsTruncated') === 'true' ? textOf(xml, 'NextContinuationToken') : undefined
  } while (next !== undefined)
}

async function check(store: Omit<ObjectStore, 'check'>, client: S3Client): Promise<Finding[]> {
  const topic = 'object store'
  try {
    await tryOut(store)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const hint = error instanceof AppError ? error.hint : 'The log of the server says why.'
    return [{ level: 'problem', topic, message, hint }]
  }
  const working: Finding = { level: 'ok', topic, message: `${store.place} can be written and read.` }
  if (Math.abs(client.skewMs()) <= limits.storeSkewMs) return [working]
  const message = `The clock of the object store differs from ours by ${Math.round(client.skewMs() / 1000)} seconds.`
  return [working, { level: 'warning', topic, message, hint: 'Set the clock of this machine, with NTP or chrony.' }]
}
