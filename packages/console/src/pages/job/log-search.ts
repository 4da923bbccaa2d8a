import type { ApiError } from '@nabla/api/client'
import type { LogSource } from '@nabla/api/log'
import { useEffect, useRef, useState } from 'react'
import { client } from '../../api/client.ts'
import { toApiError } from '../../parts/action.ts'

/** More places than this are not counted. */
const mostPlaces = 5000
const typingMs = 250

export interface LogSearch {
  /** Numbers of the lines that were found so far, in order. */
  places: readonly number[]
  /** There are more than are counted. */
  isCut: boolean
  isSearching: boolean
  /** How much of the log was looked through, 0 to 1. */
  progress: number
  error: ApiError | undefined
}

const nothing: LogSearch = { places: [], isCut: false, isSearching: false, progress: 0, error: undefined }

/** Looks a text up in a log on the server as it is typed; a search that is no longer wanted ends. `count`: lines so far. */
export function useLogSearch(job: string, text: string, source: LogSource | undefined, count: number): LogSearch {
  const [search, setSearch] = useState<LogSearch>(nothing)
  const poke = useRef<(count: number) => void>(() => undefined)
  useEffect(() => {
    const control = new AbortController()
    setSearch(nothing)
    if (text !== '') poke.current = searcher({ job, text, ...(source && { source }) }, setSearch, control.signal)
    return () => {
      poke.current = () => undefined
      control.abort()
    }
  }, [job, text, source])
  useEffect(() => poke.current(count), [job, text, source, count])
  return search
}

/** Returns what is to be called with the number of lines whenever there are more: it looks through those that are new. */
function searcher(
  what: { job: string; text: string; source?: LogSource },
  set: (change: (now: LogSearch) => LogSearch) => void,
  signal: AbortSignal,
): (count: number) => void {
  let next = 0
  let known = 0
  let waiting = false
  const change = (more: (now: LogSearch) => LogSearch) => (signal.aborted ? undefined : set(more))
  const look = async () => {
    try {
      change((now) => ({ ...now, isSearching: true }))
      for (let complete = false; !complete && !signal.aborted;) {
        const page = await client.job.searchLogs({ ...what, after: next, limit: 1000 }, { signal })
        next = Math.max(next, page.next)
        complete = page.complete
        const found = page.items.map(({ seq }) => seq)
        change((now) => toSearch(now, found, page.last === 0 ? 1 : page.next / page.last))
      }
      change((now) => ({ ...now, isSearching: false }))
    } catch (error) {
      change((now) => ({ ...now, isSearching: false, error: toApiError(error) }))
    } finally {
      waiting = false
      if (known > next) poke(known)
    }
  }
  const poke = (count: number) => {
    known = count
    if (waiting || count <= next || signal.aborted) return
    waiting = true
    const timer = setTimeout(() => void look(), next === 0 ? typingMs : typingMs * 4)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
  return poke
}

function toSearch(now: LogSearch, found: number[], progress: number): LogSearch {
  const places = [...now.places, ...found].slice(0, mostPlaces)
  const isCut = now.places.length + found.length > mostPlaces
  return { ...now, places, isCut, progress, error: undefined }
}

/** The next or the last place before a line; it goes on at the other end. Undefined if there is none at all. */
export function placeBeside(places: readonly number[], from: number, step: 1 | -1): number | undefined {
  if (step === 1) return places.find((seq) => seq > from) ?? places[0]
  return places.findLast((seq) => seq < from) ?? places.at(-1)
}

/** The number of the next line, or of the one before, that looks like an error; undefined if there is none. */
export async function findError(job: string, from: number, step: 1 | -1): Promise<number | undefined> {
  for (let at = from; ;) {
    const where = step === 1 ? { after: at } : { before: at }
    const page = await client.job.searchLogs({ job, errors: 'true', limit: 1, ...where })
    if (page.items[0]) return page.items[0].seq
    if (page.complete) return undefined
    at = page.next
  }
}
