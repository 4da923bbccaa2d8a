import { posix } from 'node:path'
import type { Client } from '@nabla/api/client'
import { parseDatasetReference } from '@nabla/api/dataset-reference'
import type { Checksum, FileEntry } from '@nabla/api/file'
import { usageError } from '../cli-error.ts'
import { eachFile } from './file-list.ts'

/** A tree of files on the server, as `nabla cp` sees it. */
export interface Place {
  /** What stands in front of its paths: `storage:` or `job:train-7/`. */
  prefix: string
  list(path: string, recursive: boolean): AsyncGenerator<FileEntry>
  get(path: string, headers?: Record<string, string>): Promise<Response>
  /** Many files as one tar; what has vanished is left out. */
  pack(paths: string[]): Promise<Response>
  checksum(path: string): Promise<Checksum>
  /** What the server calls it when it copies from it by itself; undefined where it cannot. */
  onServer?: { job?: string }
  /** What only a place has that can be written to. */
  writer?: Writer
  /** The dataset that it is a version of; `isLatest`: none was named. What is copied to it is a new version. */
  dataset?: { name: string; isLatest: boolean }
}

/** How files get into a place. */
export interface Writer {
  put: Client['storage']['put']
  unpack: Client['storage']['unpack']
  uploads: Pick<Client['storage'], 'beginUpload' | 'showUpload' | 'appendUpload' | 'finishUpload'>
  copy: Client['storage']['copy']
}

/** A place and a path in it; `isFolder`: it was written with a slash at its end, or is the top. */
export interface Remote {
  place: Place
  path: string
  isFolder: boolean
}

/** Where something is copied from or to, as it was written. */
export type Location = { local: string; isFolder: boolean } | Remote

/** Every kind of place, by the word before the colon. A new one is one more record. */
const kinds: Record<string, { form: string; open(client: Client, rest: string): { place: Place; path: string } }> = {
  storage: { form: 'storage:PATH', open: (client, rest) => ({ place: storagePlace(client), path: rest }) },
  job: {
    form: 'job:NAME/PATH',
    open(client, rest) {
      const [job = '', ...path] = rest.split('/')
      if (job === '')
        throw usageError('After job: comes the name or id of a job.', 'Write it like job:train-7/model.pt')
      return { place: jobPlace(client, job), path: path.join('/') }
    },
  },
  dataset: {
    form: 'dataset:NAME:VERSION/PATH',
    open(client, rest) {
      const [reference = '', ...path] = rest.split('/')
      if (reference === '')
        throw usageError(
          'After dataset: comes the name of a dataset.',
          'Write it like dataset:faces/train or dataset:faces:3',
        )
      return { place: datasetPlace(client, reference), path: path.join('/') }
    },
  },
}

/** How places are written, for messages and help. */
export const placeForms: readonly string[] = Object.values(kinds).map(({ form }) => form)

/** Reads `storage:PATH`, `job:NAME/PATH` or the path of a file here. A local name with a colon is written `./a:b`. */
export function parseLocation(client: Client, text: string): Location {
  const match = /^([a-z]+):(.*)$/s.exec(text)
  const kind = match ? kinds[match[1] ?? ''] : undefined
  const isFolder = /(^|\/)\.{0,2}$/.test(text)
  if (!match || !kind) return { local: text, isFolder }
  const { place, path } = kind.open(client, match[2] ?? '')
  const plain = cleanPath(path)
  return { place, path: plain, isFolder: plain === '' || path.endsWith('/') }
}

/** The storage of the team. */
export function storagePlace({ storage }: Client): Place {
  return {
    prefix: 'storage:',
    list: (path, recursive) => eachFile((page) => storage.list({ path, recursive: String(recursive), ...page })),
    get: (path, headers) => storage.get({ path }, headers ? { headers } : {}),
    pack: (paths) => storage.pack({ body: { paths } }),
    checksum: (path) => storage.checksum({ path }),
    onServer: {},
    writer: { put: storage.put, unpack: storage.unpack, uploads: storage, copy: storage.copy },
  }
}

/** The artifacts of a job. */
export function jobPlace({ artifact }: Client, job: string): Place {
  return {
    prefix: `job:${job}/`,
    list: (path, recursive) => eachFile((page) => artifact.list({ job, path, recursive: String(recursive), ...page })),
    get: (path, headers) => artifact.get({ job, path }, headers ? { headers } : {}),
    pack: (paths) => artifact.pack({ job, body: { paths } }),
    checksum: (path) => artifact.checksum({ job, path }),
    onServer: { job },
  }
}

/** The files of a version of a dataset; without a version, of the latest. */
export function datasetPlace({ dataset: calls }: Client, reference: string): Place {
  const { dataset, version } = parseDatasetReference(reference)
  const which = { dataset, version }
  return {
    prefix: `dataset:${reference}/`,
    list: (path, recursive) =>
      eachFile((page) => calls.files({ ...which, path, recursive: String(recursive), ...page })),
    get: (path, headers) => calls.get({ ...which, path }, headers ? { headers } : {}),
    pack: (paths) => calls.pack({ ...which, body: { paths } }),
    checksum: (path) => calls.checksum({ ...which, path }),
    dataset: { name: dataset, isLatest: !reference.includes(':') },
  }
}

/** The files of a version of a model; without a version, of the latest. */
export function modelPlace({ model: calls }: Client, { model, version }: { model: string; version: string }): Place {
  const which = { model, version }
  return {
    prefix: `model:${model}:${version}/`,
    list: (path, recursive) =>
      eachFile((page) => calls.files({ ...which, path, recursive: String(recursive), ...page })),
    get: (path, headers) => calls.get({ ...which, path }, headers ? { headers } : {}),
    pack: (paths) => calls.pack({ ...which, body: { paths } }),
    checksum: (path) => calls.checksum({ ...which, path }),
  }
}

/** Without slashes at its ends, doubled ones and dots; `/storage/a` is what a job calls `a`. */
function cleanPath(path: string): string {
  const plain = posix.normalize(path === '' ? '.' : path).replace(/^\/(storage(?=\/|$))?/, '')
  return plain.replaceAll(/^\/+|\/+$/g, '').replace(/^\.$/, '')
}
