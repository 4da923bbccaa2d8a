/** Paths in the storage: relative, parts joined by `/`; the top is the empty text. */

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

export const join = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)

/** Where the console shows a folder, and beside it one of its files. */
export function addressOf(folder: string, file?: string): string {
  const path = folder === '' ? '' : `/${folder.split('/').map(encodeURIComponent).join('/')}`
  return `/data/storage${path}${file === undefined ? '' : `?file=${encodeURIComponent(file)}`}`
}

/** Where the bytes of a file are, for the browser to save. */
export const fileAddress = (path: string): string => `/api/v1/storage/file?${new URLSearchParams({ path }).toString()}`

/** Where files and folders are as one zip. */
export function zipAddress(paths: readonly string[]): string {
  const query = new URLSearchParams([
    ['format', 'zip'],
    ...paths.filter((path) => path !== '').map((path) => ['path', path]),
  ])
  return `/api/v1/storage/archive?${query.toString()}`
}

/** The folders above a path, from the top: `a/b/c` has `a` and `a/b`. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_, place) => parts.slice(0, place + 1).join('/'))
}

/** Why a name cannot stand for a file; undefined: it can. */
export function whyNotName(name: string): string | undefined {
  if (name === '') return 'A name is needed.'
  if (name === '.' || name === '..') return 'That name means a folder.'
  if (name.includes('/')) return 'A name has no slash.'
  return name.includes('\0') ? 'A name has no NUL.' : undefined
}
