import type { FileEntry } from '@nabla/api/file'
import { ApiError } from '@nabla/api/client'
import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { client } from '../../api/client.ts'

/** What is known of one file without reading it: its size and time, told by its first byte. */
export function useEntry(path: string): UseQueryResult<FileEntry, ApiError> {
  return useQuery<FileEntry, ApiError>({
    queryKey: ['storage', 'entry', path],
    queryFn: ({ signal }) => readEntry(path, signal),
  })
}

async function readEntry(path: string, signal: AbortSignal): Promise<FileEntry> {
  const response = await firstByte(path, signal)
  await response.body?.cancel()
  const { headers } = response
  const sizeBytes = Number(headers.get('content-range')?.split('/')[1] ?? headers.get('content-length') ?? 0)
  const modified = Date.parse(headers.get('last-modified') ?? '')
  return { path, type: 'file', sizeBytes, modifiedAt: new Date(Number.isNaN(modified) ? 0 : modified).toISOString() }
}

async function firstByte(path: string, signal: AbortSignal): Promise<Response> {
  try {
    return await client.storage.get({ path }, { signal, headers: { range: 'bytes=0-0' } })
  } catch (error) {
    // An empty file has no first byte.
    if (!(error instanceof ApiError) || error.code !== 'bad_range') throw error
    return client.storage.get({ path }, { signal })
  }
}
