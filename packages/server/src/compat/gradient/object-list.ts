import type { FileEntry } from '@nabla/api/file'
import { AppError } from '../../lib/app-error.ts'
import type { CompatAnswer } from '../site.ts'
import { filesOf, findDraft, isDraft, numberOf } from './dataset-drafts.ts'
import type { Exchange } from './route.ts'
import type { Ticket } from './ticket.ts'

type Listing = Extract<Ticket, { for: 'objects' }>

/**
 * What lies in a folder of a version, as a bucket lists it (ListObjectsV2 of the API of S3). Keys have the dataset and
 * the version in front, so that the prefix is never empty, which clients could not read.
 */
export async function listObjects(exchange: Exchange, listing: Listing): Promise<CompatAnswer> {
  const folder = listing.prefix.replace(/\/+$/, '')
  const root = `${listing.dataset}/${listing.version}/`
  const { items, next } = await readFolder(exchange, listing, folder)
  const entries = items.map(({ path, type, sizeBytes }) =>
    type === 'folder'
      ? `<CommonPrefixes><Prefix>${escaped(`${root}${path}/`)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${escaped(root + path)}</Key><Size>${sizeBytes}</Size></Contents>`,
  )
  const body = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>nabla</Name><Prefix>${escaped(root + (folder === '' ? '' : `${folder}/`))}</Prefix>`,
    `<KeyCount>${items.length}</KeyCount><IsTruncated>${next !== null}</IsTruncated>`,
    ...entries,
    ...(next === null ? [] : [`<NextContinuationToken>${escaped(next)}</NextContinuationToken>`]),
    '</ListBucketResult>',
  ].join('\n')
  return { file: { body, contentType: 'text/plain; charset=utf-8' } }
}

interface Page {
  items: FileEntry[]
  next: string | null
}

/** One page. It is never empty while more follows: clients that fetch a folder stop at an empty one. */
async function readFolder(exchange: Exchange, listing: Listing, folder: string): Promise<Page> {
  const read = await readerOf(exchange, listing, folder)
  let { after } = listing
  for (;;) {
    const page = await read(after).catch((error: unknown): Page => {
      if (error instanceof AppError && error.code === 'file_not_found') return { items: [], next: null }
      throw error
    })
    const items = page.items.filter(({ type }) => type === 'file' || (type === 'folder' && !listing.recursive))
    if (items.length > 0 || page.next === null) return { items, next: page.next }
    after = page.next
  }
}

async function readerOf({ call, deps }: Exchange, listing: Listing, folder: string) {
  const { dataset, recursive, limit } = listing
  const draft = await findDraft(deps, dataset, listing.version)
  const page = (after: string | undefined) => ({ recursive, limit, ...(after === undefined ? {} : { after }) })
  if (draft && isDraft(draft)) {
    const root = filesOf(draft)
    return async (after: string | undefined): Promise<Page> => {
      const found = await call('storage', 'list', { path: folder === '' ? root : `${root}/${folder}`, ...page(after) })
      const items = found.items.map((item) => ({ ...item, path: item.path.slice(root.length + 1) }))
      return { items, next: found.next }
    }
  }
  const version = await numberOf(deps, dataset, listing.version)
  return (after: string | undefined): Promise<Page> =>
    call('dataset', 'files', { dataset, version, path: folder, ...page(after) })
}

const escaped = (text: string): string => text.replaceAll(/[&<>"\u0000-\u001f]/g, (c) => `&#${c.charCodeAt(0)};`)
