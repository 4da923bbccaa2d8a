import { Readable } from 'node:stream'
import { z } from 'zod'
import { AppError } from '../../lib/app-error.ts'
import { limits } from '../../lib/limits.ts'
import { randomText } from '../../lib/ids.ts'
import type { CompatAnswer } from '../site.ts'
import { type Draft, filesOf, findDraft, isDraft, numberOf, partsOf } from './dataset-drafts.ts'
import { listObjects } from './object-list.ts'
import { type Exchange, gradientBytes, gradientRoute } from './route.ts'
import { type Ticket, ticketFor, writeTicket } from './ticket.ts'

const calls = z.object({
  calls: z
    .array(z.object({ method: z.string(), params: z.record(z.string(), z.unknown()).default({}) }))
    .max(limits.gradientListed),
})

type Call = z.output<typeof calls>['calls'][number]

/** Files of versions: as a bucket, at addresses that are asked for one by one or many at once. */
export const datasetFileRoutes = [
  ...gradientRoute('POST', '/datasets/:id/versions/:version/s3/preSignedUrls', calls, async (exchange) => {
    const { call, deps, params, input } = exchange
    const { id } = await call('dataset', 'show', { dataset: params['id']! })
    const draft = await findDraft(deps, id, params['version']!)
    const place = { dataset: id, version: params['version']!, draft: draft && isDraft(draft) ? draft : undefined }
    if (!place.draft) place.version = await numberOf(deps, id, place.version)
    // One after the other: the answer has the order of the question.
    const answers = []
    for (const one of input.calls) answers.push({ url: await addressFor(exchange, place, one), expires_in: expiresIn })
    return answers
  }),
  ...gradientBytes({ method: 'GET', path: '/object/:ticket', input: z.unknown() }, async (exchange) => {
    const ticket = ticketFor(exchange.deps, exchange.params, 'object', 'objects')
    if (ticket.for === 'objects') return listObjects(exchange, ticket)
    return { file: await readObject(exchange, onlyFor('read', ticket)) }
  }),
  ...gradientBytes(
    {
      method: 'PUT',
      path: '/object/:ticket',
      bytes: true,
      maxBodyBytes: limits.storedFileBytes,
      input: z.unknown(),
    },
    putObject,
  ),
  ...gradientBytes({ method: 'DELETE', path: '/object/:ticket', input: z.unknown() }, async (exchange) => {
    const ticket = onlyFor('delete', ticketFor(exchange.deps, exchange.params, 'object'))
    const draft = await openDraft(exchange, ticket)
    await exchange.call('storage', 'delete', { path: `${filesOf(draft)}/${ticket.key}`, recursive: true })
    return { json: {} }
  }),
]

type ObjectTicket = Extract<Ticket, { for: 'object' }>

function onlyFor(what: ObjectTicket['may'], ticket: ObjectTicket): ObjectTicket {
  if (ticket.may === what) return ticket
  throw new AppError('invalid', { detail: 'This address is good for something else.' })
}

const expiresIn = Math.floor(limits.gradientTicketMs / 1000)

interface Place {
  dataset: string
  version: string
  draft: Draft | undefined
}

/** Where to do what is asked; for a file in parts the id of its upload, and the end of one is done at once. */
async function addressFor(exchange: Exchange, place: Place, { method, params }: Call): Promise<unknown> {
  const { caller, deps, origins } = exchange
  const address = (ticket: Ticket) => `${origins.own}/gradient/object/${writeTicket(deps, caller, ticket)}`
  const { dataset, version, draft } = place
  if (method === 'listObjectsV2') return address({ for: 'objects', dataset, version, ...listing(params) })
  const key = keyOf(params['Key'])
  const object = (may: 'read' | 'write' | 'delete') => address({ for: 'object', may, dataset, version, key })
  if (method === 'headObject' || method === 'getObject') return object('read')
  if (!writing.has(method)) throw new AppError('invalid', { detail: `There is no method ${method.slice(0, 40)}.` })
  if (!draft) {
    throw new AppError('conflict', {
      detail: 'A version that is committed never changes: make another with `gradient datasets versions create`.',
    })
  }
  if (method === 'createMultipartUpload') return { UploadId: randomText(20), Key: key }
  if (method === 'putObject') return object('write')
  if (method === 'deleteObject') return object('delete')
  const upload = uploadOf(params['UploadId'])
  if (method === 'uploadPart') {
    const part = z.coerce.number().int().min(1).max(10_000).parse(params['PartNumber'])
    return address({ for: 'storage', path: `${partsOf(draft)}/${upload}/${part}` })
  }
  await joinParts(exchange, draft, { key, upload, parts: params['MultipartUpload'] })
  return ''
}

const writing = new Set(['putObject', 'deleteObject', 'createMultipartUpload', 'uploadPart', 'completeMultipartUpload'])

function keyOf(value: unknown): string {
  const key = typeof value === 'string' ? value.replace(/^\/+/, '') : ''
  if (key === '') throw new AppError('invalid', { detail: 'A file needs a path.' })
  return key
}

function uploadOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-z]{20}$/.test(value)) return value
  throw new AppError('invalid', { detail: 'This is not the id of an upload that was begun.' })
}

function listing(params: Call['params']) {
  const limit = Number(params['MaxKeys'] ?? 1000)
  const after = params['ContinuationToken']
  return {
    prefix: typeof params['Prefix'] === 'string' ? params['Prefix'].replace(/^\/+/, '') : '',
    recursive: params['Delimiter'] === '',
    limit: Number.isSafeInteger(limit) && limit > 0 ? Math.min(limit, 1000) : 1000,
    ...(typeof after === 'string' ? { after } : {}),
  }
}

const partList = z.object({
  Parts: z
    .array(z.object({ PartNumber: z.coerce.number().int() }))
    .min(1)
    .max(10_000),
})

/** Writes the parts of a file one behind the other, in the order of their numbers. */
async function joinParts(
  { call }: Exchange,
  draft: Draft,
  { key, upload, parts }: { key: string; upload: string; parts: unknown },
): Promise<void> {
  const given = partList.safeParse(parts)
  if (!given.success) throw new AppError('invalid', { detail: 'The parts of the file are not named.' })
  const folder = `${partsOf(draft)}/${upload}`
  const numbers = given.data.Parts.map(({ PartNumber }) => PartNumber).toSorted((a, b) => a - b)
  const whole = Readable.from(
    (async function* () {
      for (const number of numbers) {
        const { body } = await call('storage', 'get', { path: `${folder}/${number}` })
        yield* body as AsyncIterable<Buffer>
      }
    })(),
  )
  await call('storage', 'put', { path: `${filesOf(draft)}/${key}`, upload: whole } as never)
  await call('storage', 'delete', { path: folder, recursive: true })
}

async function readObject(exchange: Exchange, { dataset, version, key }: ObjectTicket) {
  const { call, deps, headers } = exchange
  const draft = await findDraft(deps, dataset, version)
  const given = headers as Record<string, string>
  if (draft && isDraft(draft)) return call('storage', 'get', { path: `${filesOf(draft)}/${key}`, headers: given })
  const number = await numberOf(deps, dataset, version)
  return call('dataset', 'get', { dataset, version: number, path: key, headers: given })
}

/** Takes a file, or a part of one. The tag is asked for again when the parts are put together. */
async function putObject(exchange: Exchange): Promise<CompatAnswer> {
  const { call, deps, params, upload } = exchange
  const ticket = ticketFor(deps, params, 'object', 'storage')
  const path =
    ticket.for === 'storage'
      ? ticket.path
      : `${filesOf(await openDraft(exchange, onlyFor('write', ticket)))}/${ticket.key}`
  const { sha256 } = await call('storage', 'put', { path, upload } as never)
  return { json: {}, headers: { etag: `"${sha256.slice(0, 32)}"` } }
}

async function openDraft(
  { deps }: Exchange,
  { dataset, version }: { dataset: string; version: string },
): Promise<Draft> {
  const draft = await findDraft(deps, dataset, version)
  if (draft && isDraft(draft)) return draft
  throw new AppError('conflict', { detail: 'The version has been committed: it does not change any more.' })
}
