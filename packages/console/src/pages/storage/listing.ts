import type { FileEntry } from '@nabla/api/file'
import type { JobState } from '@nabla/api/job'
import { jobStates } from '@nabla/api/job-states'
import { useEffect } from 'react'
import { client } from '../../api/client.ts'
import type { Pages } from '../../api/list-merge.ts'
import { type LiveList, useList } from '../../api/list.ts'
import { useLiveEvents } from '../../api/live.ts'
import { queries } from '../../api/query.ts'

const pageSize = 200
/** A folder of which more was read than this is read anew from its beginning when it changed. */
const mostPages = 10

/** What is in a folder of the storage, in the order of names, page by page. */
export function useFolder(path: string): LiveList<FileEntry> {
  useOutsideChanges(path)
  return useList<FileEntry>({
    noun: 'storage',
    input: { path },
    fetch: (page, options) => client.storage.list({ path, ...page }, options),
    rowKey: (row) => row.path,
    pageSize,
    isUntold: true,
  })
}

/** Reads again what is shown of the storage: something was put there. */
export function reread(): void {
  queries.setQueriesData<Pages<FileEntry>>({ queryKey: ['storage', 'pages'] }, (data) =>
    data && data.pages.length > mostPages
      ? { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) }
      : data,
  )
  void queries.invalidateQueries({ queryKey: ['storage'] })
}

/**
 * Others change the storage, and say so; jobs write into it without anybody being told: it is read again when one has
 * ended, and when one looks.
 */
function useOutsideChanges(folder: string): void {
  useLiveEvents(({ type, data }) => {
    if (type === 'storage.changed' && concerns(folder, data)) reread()
    const state = type.replace(/^job\./, '')
    if (Object.hasOwn(jobStates, state) && jobStates[state as JobState].ended) reread()
  })
  useEffect(() => {
    const look = () => {
      if (!document.hidden) reread()
    }
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
}

/** Whether something in the folder itself was changed, or what it is in. */
function concerns(folder: string, { paths, more }: Record<string, unknown>): boolean {
  if (more === true || !Array.isArray(paths)) return true
  const inside = folder === '' ? '' : `${folder}/`
  return paths.some((path) => typeof path === 'string' && (path.startsWith(inside) || inside.startsWith(`${path}/`)))
}
