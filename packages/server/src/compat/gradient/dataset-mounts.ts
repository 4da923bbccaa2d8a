import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { datasetReference } from './dataset-names.ts'
import { modelNameOf, optional } from './fields.ts'
import type { Exchange } from './route.ts'
import { loginFor } from './storage-providers.ts'

const dataset = z.object({
  id: optional,
  uri: optional,
  name: optional,
  awsAccessKeyId: optional,
  awsSecretAccessKey: optional,
  awsEndpoint: optional,
  etag: optional,
  versionId: optional,
})

type Asked = z.output<typeof dataset>

/**
 * The versions of datasets that are asked for: `id:version` each, under a name; or what is in a bucket, which is made
 * a version first. Throws AppError `invalid`.
 */
export async function datasetsOf(exchange: Exchange, given: unknown) {
  if (given === undefined || given === null) return []
  const parsed = z.array(dataset).max(100).safeParse(given)
  if (!parsed.success) throw new AppError('invalid', { detail: 'Datasets are a list, each with its `id` or `uri`.' })
  return Promise.all(
    parsed.data.map(async ({ id, ...at }) =>
      id === undefined
        ? fromBucket(exchange, at)
        : { dataset: await datasetReference(exchange, id), ...(at.name === undefined ? {} : { mount: at.name }) },
    ),
  )
}

/**
 * What is in a bucket becomes a version of a dataset that is named for it: the job waits until it is fetched, and what
 * it read is known afterwards. Keys that are not given are those of the storage provider of the bucket.
 */
async function fromBucket(exchange: Exchange, { uri, name, ...asked }: Omit<Asked, 'id'>) {
  const [, bucket, key = ''] = /^s3:\/\/([^/?]+)\/?([^?]*)$/i.exec(uri ?? '') ?? []
  if (uri === undefined || bucket === undefined) {
    const detail =
      uri === undefined ? 'A dataset has an id or an address.' : `${uri.slice(0, 100)} is not s3://BUCKET/KEY.`
    throw new AppError('invalid', { detail })
  }
  const login = asked.awsAccessKeyId === undefined ? await loginFor(exchange, bucket) : undefined
  // One object has a name with a dot; all else is a folder.
  const isFolder = !key.split('/').at(-1)!.includes('.')
  const path = isFolder && key !== '' && !key.endsWith('/') ? `${key}/` : key
  const version = asked.versionId === undefined ? '' : `?versionId=${encodeURIComponent(asked.versionId)}`
  const source = {
    from: 'url' as const,
    url: `s3://${bucket}/${path}${version}`,
    ...defined({
      username: asked.awsAccessKeyId ?? login?.username,
      password: asked.awsSecretAccessKey ?? login?.password,
      endpoint: asked.awsEndpoint ?? login?.endpoint,
      region: login?.region,
      etag: asked.etag,
    }),
  }
  const own = modelNameOf(`${bucket}-${key.replace(/\/+$/, '')}`)
    .slice(0, 60)
    .replace(/-+$/, '')
  const body = { source, message: `Fetched from s3://${bucket}/${path}` }
  const made = await exchange.call('dataset', 'commit', { dataset: own, body })
  return { dataset: `${own}:${made.version}`, mount: name ?? own }
}

const defined = <T extends object>(given: T) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
