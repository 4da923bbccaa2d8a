import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'

/** The query of an address: words, and lists of words. */
export type Search = Record<string, string | string[] | undefined>

/** One word kept in the address; the default is not written. A change replaces the address, or adds to the history. */
export function useUrlState(
  key: string,
  fallback = '',
  options: { push?: boolean } = {},
): [string, (value: string) => void] {
  const search = useUrlSearch()
  const value = search[key]
  const set = useSetUrlSearch(options)
  return [
    typeof value === 'string' ? value : fallback,
    useCallback((next: string) => set({ [key]: next === fallback ? undefined : next }), [set, key, fallback]),
  ]
}

/** The whole query of the address. */
export function useUrlSearch(): Search {
  return useSearch({ strict: false })
}

/** Changes some words of the address and keeps the others; `undefined` and empty ones are left out. */
export function useSetUrlSearch({ push = false }: { push?: boolean } = {}): (change: Search) => void {
  const navigate = useNavigate()
  return useCallback(
    (change) =>
      void navigate({
        to: '.',
        replace: !push,
        resetScroll: false,
        search: ((now: Search) => withoutEmpty({ ...now, ...change })) as never,
      }),
    [navigate, push],
  )
}

/** Reads the query of an address: a word that is there twice is a list. */
export function parseSearch(text: string): Search {
  const search: Search = {}
  for (const [key, value] of new URLSearchParams(text)) {
    const present = search[key]
    search[key] = present === undefined ? value : [present, value].flat()
  }
  return search
}

export function stringifySearch(search: Record<string, unknown>): string {
  const pairs = Object.entries(search as Search).flatMap(([key, value]) =>
    [value].flat().flatMap((one) => (one === undefined || one === '' ? [] : [[key, one]])),
  )
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString()}`
}

function withoutEmpty(search: Search): Search {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value.length > 0))
}
