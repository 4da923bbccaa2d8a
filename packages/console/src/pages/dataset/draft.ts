import type { DatasetSource } from '@nabla/api/dataset'
import { quote } from '../../parts/quote.ts'
import type { Scan } from '../../sync/scan.ts'

/** A version as it is being described. */
export interface Draft {
  from: 'folder' | 'storage' | 'job' | 'url'
  /** What the chosen folder holds. */
  scan: Scan | undefined
  folderName: string
  path: string
  job: string
  url: string
  sha256: string
  username: string
  password: string
  endpoint: string
  message: string
  tags: string[]
}

export const emptyDraft: Draft = {
  from: 'folder',
  scan: undefined,
  folderName: '',
  path: '',
  job: '',
  url: '',
  sha256: '',
  username: '',
  password: '',
  endpoint: '',
  message: '',
  tags: [],
}

/** What is missing before it can be made; undefined: nothing. */
export function whyNotDraft({ from, scan, job, url, sha256 }: Draft): string | undefined {
  if (from === 'folder' && !scan) return 'Choose a folder, or drop one.'
  if (from === 'job' && job === '') return 'Name the job.'
  if (from !== 'url') return undefined
  if (!/^(https?|s3):\/\/./.test(url)) return 'The address begins with http://, https:// or s3://.'
  return sha256 === '' || /^[0-9a-f]{64}$/i.test(sha256) ? undefined : 'A SHA-256 has 64 hex digits.'
}

/** The body of the call; `digest` is that of the tree that was sent. */
export function sourceOf(draft: Draft, digest: string): DatasetSource {
  const { from, job, url, sha256, username, password, endpoint } = draft
  const path = draft.path.replace(/\/+$/, '')
  switch (from) {
    case 'folder':
      return { from: 'tree', digest }
    case 'storage':
      return { from, path }
    case 'job':
      return { from, job, path }
    case 'url':
      return {
        from,
        url,
        expand: true,
        ...(sha256 && { sha256: sha256.toLowerCase() }),
        ...(username && { username }),
        ...(password && { password }),
        ...(endpoint && { endpoint }),
      }
    default:
      return from satisfies never
  }
}

/** The line of the CLI that makes it. The password is left for the reader to fill in. */
export function commandOf(name: string, draft: Draft): string {
  const { from, folderName, path, job, url, sha256, username, password, endpoint, message, tags } = draft
  const flags = [
    ...(message === '' ? [] : [`-m ${quote(message)}`]),
    ...tags.map((tag) => `--tag ${quote(tag)}`),
    ...(from === 'url' && sha256 !== '' ? [`--sha256 ${quote(sha256)}`] : []),
    ...(from === 'url' && username !== '' ? [`--username ${quote(username)}`] : []),
    ...(from === 'url' && password !== ''
      ? [`--password ${password.startsWith('secret:') ? quote(password) : '…'}`]
      : []),
    ...(from === 'url' && endpoint !== '' ? [`--endpoint ${quote(endpoint)}`] : []),
  ]
  const places = {
    folder: quote(`./${folderName || 'FOLDER'}`),
    storage: quote(`storage:${path}`),
    job: quote(`job:${job || 'JOB'}/${path}`),
    url: quote(url || 'URL'),
  }
  return [`dataset ${from === 'folder' ? 'push' : 'import'} ${name}`, places[from], ...flags].join(' ')
}
