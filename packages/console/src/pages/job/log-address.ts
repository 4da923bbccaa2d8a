import type { LogSource } from '@nabla/api/log'
import { useLocation } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { type Search, useSetUrlSearch, useUrlSearch } from '../../parts/url-state.ts'

export interface LogAddress {
  text: string
  source: LogSource | undefined
  /** Only lines with the text are shown. */
  only: boolean
  /** First and last of the lines that are picked. */
  selection: readonly [number, number] | undefined
  change: (change: Search) => void
  select: (seq: number, extend: boolean) => void
  clear: () => void
  hrefOf: (seq: number) => string
}

/** What of a log stands in the address: `?line=12-20&find=loss&source=stderr`. */
export function useLogAddress(): LogAddress {
  const search = useUrlSearch()
  const change = useSetUrlSearch()
  const path = useLocation({ select: ({ pathname }) => pathname })
  const word = (name: string) => (typeof search[name] === 'string' ? search[name] : '')
  const line = word('line')
  const selection = useMemo(() => parseLines(line), [line])
  const from = selection?.[0]
  const select = useCallback(
    (seq: number, extend: boolean) => {
      const range =
        extend && from !== undefined && seq !== from ? `${Math.min(from, seq)}-${Math.max(from, seq)}` : `${seq}`
      change({ line: range })
    },
    [change, from],
  )
  const source = (['stdout', 'stderr', 'system'] as const).find((one) => one === word('source'))
  return {
    text: word('find'),
    source,
    only: word('only') !== '',
    selection,
    change,
    select,
    clear: () => change({ line: undefined }),
    hrefOf: useCallback((seq) => `${path}?line=${seq}`, [path]),
  }
}

function parseLines(text: string): readonly [number, number] | undefined {
  const [, first, last] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text) ?? []
  return first === undefined ? undefined : [Number(first), Math.max(Number(first), Number(last ?? first))]
}
